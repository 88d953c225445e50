"""The arrows of motion.png are the clip's own motion and the network's answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_model.evaluation.motion_quality import motion_losses
from masa_model.network.masa import MASA
from masa_model.pictures.motion import draw_motion, middling, predict_motion
from masa_model.settings.pretrain import MotionSettings, PretrainSettings
from masa_model.training.pretrained import build_model
from tests.masa_model import oracle
from tests.masa_model.made_up_signs import make_sign, write

CPU = torch.device("cpu")


def settings_with(**motion: object) -> PretrainSettings:
    return PretrainSettings(size="tiny", motion=MotionSettings(**motion))


SETTINGS = settings_with()


@pytest.fixture
def clips(tmp_path, provenance):
    tracks = [make_sign(f"clip{n}", n, frames=14 + n) for n in range(5)]
    return PoseDataset.open(write(tmp_path / "out.h5", provenance, tracks))


def model(**motion: object) -> MASA:
    return build_model(settings_with(**motion), 8).eval()


def test_arrows_and_errors_of_one_clip(clips):
    one = clips.part(np.array([2]))
    found = predict_motion(model(), one, SETTINGS, CPU)
    assert (found.clip, found.gloss, found.interval, found.among) == ("clip2", "up", 3, 1)
    track = one[0]
    scale = 256 / track.info.width
    expected = oracle.prepare(track.keypoints * scale, track.confidence, 256, 192)
    moves = oracle.residuals(expected.coordinates, 3)
    moves[:, 7:28, 0] *= -1
    np.testing.assert_allclose(found.true, moves[found.frames].transpose(1, 2, 0), atol=1e-3)
    places = expected.coordinates.copy()
    places[:, 7:28, 0] *= -1
    np.testing.assert_allclose(found.positions, places[found.frames].transpose(1, 2, 0), atol=1e-3)
    assert found.visible.all()
    # The loss as it is computed for masa-probe, over the same masks.
    losses = motion_losses(model(), one, SETTINGS, CPU)
    assert found.error == pytest.approx(losses["network"], rel=1e-5)
    assert found.error_of_zero == pytest.approx(losses["zero"], rel=1e-5)
    by_hand = ((found.predicted - found.true) * found.weight[:, None] / 32) ** 2
    assert found.error == pytest.approx(by_hand.sum(0).sum(0).mean() / 98, rel=1e-5)


def test_the_clip_in_the_middle_is_shown(clips):
    one = predict_motion(model(), clips.part(np.array([0])), SETTINGS, CPU)
    ways = [
        replace(one, clip=str(n), error=error, error_of_zero=0.5)
        for n, error in enumerate([0.5, 0.1, 0.9, 0.3, 0.2])
    ]
    assert middling(ways).clip == "3"
    short = replace(one, clip="short", frames=one.frames[:2], error=0.3, error_of_zero=0.5)
    still = replace(one, clip="still", error=0.0, error_of_zero=0.0)
    assert middling([*ways, short, still]).clip == "3"
    assert middling(ways).among == 5
    assert middling([short]).clip == "short"


@pytest.mark.parametrize(("error", "said"), [(0.3, "40% less than"), (0.6, "20% more than")])
def test_the_title_says_how_good_it_is(clips, error, said):
    found = predict_motion(model(), clips.part(np.array([0])), SETTINGS, CPU)
    title = draw_motion(replace(found, error=error, error_of_zero=0.5)).get_suptitle()
    assert f"{said} if nothing moved" in title


def test_every_arrow_is_drawn_from_its_keypoint(clips):
    found = predict_motion(model(), clips, SETTINGS, CPU)
    figure = draw_motion(found)
    frames = min(6, len(found.frames))
    assert len(figure.axes) == 3 * frames
    places = np.unique(np.linspace(0, len(found.frames) - 1, 6).round().astype(int))
    for column, place in enumerate(places):
        true, predicted = (arrows for arrows in figure.axes[column].collections if hasattr(arrows, "U"))
        assert figure.axes[column].get_title() == f"frame {found.frames[place]}"
        np.testing.assert_allclose(true.get_offsets(), found.positions[:7, :, place])
        np.testing.assert_allclose(np.stack([true.U, true.V], 1), found.true[:7, :, place])
        np.testing.assert_allclose(np.stack([predicted.U, predicted.V], 1), found.predicted[:7, :, place])
        low, high = figure.axes[column].get_ylim()
        assert low > high  # y runs downwards, as in a picture


def test_without_motion_to_show(clips, tmp_path, provenance):
    with pytest.raises(DataError, match="does not predict motion"):
        predict_motion(model(objective="joint"), clips, SETTINGS, CPU)
    still = make_sign("still", 0, frames=12)
    still.keypoints[:] = still.keypoints[:1]
    standing = PoseDataset.open(write(tmp_path / "still.h5", provenance, [still]))
    with pytest.raises(DataError, match="no frame of these clips is masked"):
        predict_motion(model(), standing, SETTINGS, CPU)


def test_a_hand_that_is_never_seen_gets_no_row(tmp_path, provenance):
    one_handed = make_sign("one", 1, frames=14)
    one_handed.confidence[:, [1, 2, 3, *range(7, 28)]] = 0
    one_handed.keypoints[one_handed.confidence == 0] = np.nan
    clips = PoseDataset.open(write(tmp_path / "one.h5", provenance, [one_handed]))
    figure = draw_motion(predict_motion(model(), clips, SETTINGS, CPU))
    labels = [axes.get_ylabel().split("\n")[0] for axes in figure.axes if axes.get_ylabel()]
    assert labels == ["body", "right hand"]

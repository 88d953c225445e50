"""The numbers of masks.png, by loops and by the oracle of Alg. 1."""

import numpy as np
import pytest
import torch

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.inputs.masked import pretrain_input
from masa_model.inputs.sources import StreamedClips
from masa_model.pictures.masks import PLACES, count_masks, counted, draw_masks
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.pretrain import PretrainSettings
from tests.conftest import make_track
from tests.masa_model import oracle

CPU = torch.device("cpu")


def test_clips_and_places_by_hand():
    lengths = np.array([1, 40, 7])
    rng = np.random.default_rng(0)
    candidates, masked = (rng.integers(0, 4, 48) / 3 for _ in range(2))
    candidates[41:] = 0
    found = counted(lengths, candidates, masked, of=5)
    assert found.frames.tolist() == [1, 40, 7]
    np.testing.assert_allclose(found.candidates, [candidates[0], candidates[1:41].sum(), 0])
    np.testing.assert_allclose(found.masked, [masked[0], masked[1:41].sum(), masked[41:].sum()])
    assert found.without == pytest.approx(((candidates[0] == 0) + 1) / 3)
    values = [[] for _ in range(PLACES)]
    start = 0
    for length in lengths:
        for frame in range(length):
            values[int((frame + 0.5) * PLACES // length)].append(masked[start + frame])
        start += length
    np.testing.assert_allclose(found.masked_by_place, [np.mean(some) for some in values])
    # 7 frames of one clip do not reach every twentieth.
    assert np.isnan(counted(lengths[2:], candidates[41:], masked[41:], 1).masked_by_place).sum() == 13


@pytest.fixture
def clips(tmp_path, provenance):
    tracks = [make_track(f"{n}", frames=6 + n, seed=n) for n in range(12)]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return PoseDataset.open(tmp_path / "out.h5")


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_counts_are_those_of_alg_1(clips, share):
    settings = PretrainSettings(masking=MaskingSettings(min_moving_fraction=share))
    found = count_masks(clips, settings)
    assert found.of == len(clips)
    expected = []
    for track in clips:
        scale = 256 / max(track.info.width, track.info.height)
        one = oracle.prepare(
            np.nan_to_num(track.keypoints) * scale,
            track.confidence,
            track.info.width * scale,
            track.info.height * scale,
        )
        candidates = oracle.moving_part_candidates(one.coordinates, one.confidence, 3, 0.4, 5, share)
        expected.append((len(one.kept), len(candidates)))
    assert list(zip(found.frames.tolist(), found.candidates.tolist(), strict=True)) == expected
    assert [round(count) for count in found.masked] == [
        max(1, round(0.9 * count)) if count else 0 for _, count in expected
    ]
    # Some clips of many: the same masks as before, since a clip keeps its number.
    some = count_masks(clips, settings, most=5)
    assert len(some.frames) == 5
    rows = set(zip(found.frames, found.candidates, found.masked, strict=True))
    assert set(zip(some.frames, some.candidates, some.masked, strict=True)) <= rows


def test_the_shares_are_those_that_training_records(clips):
    settings = PretrainSettings(size="tiny", seed=4)
    found = count_masks(clips, settings)
    [raw] = StreamedClips(clips).batches([np.arange(len(clips))])
    assert settings.augment.scale > 0  # which has a say in what moves enough
    given = pretrain_input(raw, settings, 0).clips
    assert found.masked.sum() / found.frames.sum() == pytest.approx(float(given.masked_share))
    assert found.without == pytest.approx(float(given.clips_without_candidate))


def test_what_is_drawn_says_how_many(clips):
    figure = draw_masks(count_masks(clips, PretrainSettings(), most=5))
    found = count_masks(clips, PretrainSettings(), most=5)
    share = found.masked.sum() / found.frames.sum()
    assert figure.get_suptitle().startswith("5 of 12 training clips")
    assert f"{share:.0%} are masked" in figure.get_suptitle()
    line = figure.axes[2].get_lines()[1]
    np.testing.assert_array_equal(line.get_ydata(), found.masked_by_place)


def test_without_clips_there_is_nothing_to_draw(clips):
    with pytest.raises(DataError, match="no clips"):
        count_masks(clips.part(np.array([], int)), PretrainSettings())

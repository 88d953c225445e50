from dataclasses import replace

import numpy as np
import torch

from masa_data.tracks.skeleton import MIRROR
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.augment import augment, key_view, query_view
from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import raw_clips
from masa_model.settings.augment import AugmentSettings
from tests.conftest import make_track
from tests.masa_model.made_up_signs import make_sign


def prepared(*tracks: PoseTrack) -> PoseBatch:
    return prepare_clips(raw_clips(tracks))


def test_a_swapped_clip_is_the_clip_filmed_in_a_mirror():
    track = make_sign("a", 1)
    mirrored = track.keypoints[:, MIRROR].copy()
    mirrored[..., 0] = track.info.width - mirrored[..., 0]
    expected = prepared(
        PoseTrack.with_missing(
            track.info, mirrored, track.confidence[:, MIRROR], track.frame_index, track.time
        )
    )
    found = augment(prepared(track), AugmentSettings(hand_swap=1.0), (0,))
    torch.testing.assert_close(found.coordinates, expected.coordinates, rtol=0, atol=0.2)
    torch.testing.assert_close(found.confidence, expected.confidence)
    assert found.hand_present.equal(expected.hand_present)


def test_turning_and_scaling_are_those_of_the_whole_picture():
    batch = prepared(make_sign("a", 1))
    found = augment(batch, AugmentSettings(rotation=30.0), (1,))
    before, after = batch.coordinates, found.coordinates
    torch.testing.assert_close(after.norm(dim=1), before.norm(dim=1), rtol=0, atol=1e-3)
    angles = [
        np.angle(np.vdot(as_complex(before[rows]), as_complex(after[rows])))
        for rows in (slice(0, 7), slice(7, 28), slice(28, 49))
    ]
    assert abs(angles[0]) > 0.01
    # The left hand is seen in a mirror, where the same turn goes the other way.
    np.testing.assert_allclose(angles, [angles[0], -angles[0], angles[0]], atol=1e-4)
    scaled = augment(batch, AugmentSettings(scale=0.2), (1,)).coordinates
    ratio = (scaled.norm(dim=1) / before.norm(dim=1).clamp(min=1e-6))[28:]
    assert 0.8 <= float(ratio.mean()) <= 1.2
    assert float(ratio.std()) < 1e-3


def as_complex(coordinates: torch.Tensor) -> np.ndarray:
    return torch.complex(coordinates[:, 0], coordinates[:, 1]).numpy().ravel()


def test_what_is_missing_stays_missing_and_dropped_keypoints_are_dropped_throughout():
    batch = prepared(make_track("a", 20), make_track("b", 15))
    everything = AugmentSettings(rotation=10, scale=0.1, shift=10, joint_drop=0.3, hand_swap=0.5)
    found = augment(batch, everything, (0, 3))
    assert (found.coordinates[(found.confidence == 0)[:, None].expand(-1, 2, -1)] == 0).all()
    dropped = augment(prepared(make_sign("a", 0), make_sign("b", 0)), AugmentSettings(joint_drop=0.3), (0,))
    for clip in range(2):
        here = dropped.confidence[:, dropped.clip == clip] > 0
        assert (here.all(1) | ~here.any(1)).all()
        assert 0.1 < 1 - float(here.float().mean()) < 0.5
    again = augment(batch, everything, (0, 3))
    assert again.coordinates.equal(found.coordinates)
    assert not augment(batch, everything, (0, 4)).coordinates.equal(found.coordinates)
    assert augment(batch, AugmentSettings(), (0,)) is batch


def test_query_and_key_see_the_same_clip_varied_by_draws_of_their_own():
    batch = prepared(*(make_sign(name, number) for number, name in enumerate("abcdefgh")))
    one, other = (view(batch, AugmentSettings(shift=10), (0, 3)) for view in (query_view, key_view))
    shifts = [(view.coordinates - batch.coordinates)[0][:, batch.position == 0] for view in (one, other)]
    assert (shifts[0] != shifts[1]).all()
    assert abs(np.corrcoef(shifts[0].ravel(), shifts[1].ravel())[0, 1]) < 0.6
    assert one.numbers.equal(other.numbers)
    assert all(view(batch, AugmentSettings(), (0, 3)) is batch for view in (query_view, key_view))


def test_a_stretched_picture_is_one_linear_map_of_the_whole_clip():
    batch = prepared(make_sign("a", 1), make_sign("b", 2))
    found = augment(batch, AugmentSettings(stretch=0.3), (1,))
    for clip in range(2):
        here = batch.clip == clip
        maps = []
        for rows, mirror in ((slice(0, 7), 1), (slice(7, 28), -1), (slice(28, 49), 1)):
            flip = np.array([[mirror, 1.0]])
            before, after = (
                one.coordinates[rows][:, :, here].permute(0, 2, 1).reshape(-1, 2).numpy() * flip
                for one in (batch, found)
            )
            solution, *_ = np.linalg.lstsq(before, after, rcond=None)
            np.testing.assert_allclose(before @ solution, after, atol=1e-3)
            maps.append(solution)
        np.testing.assert_allclose(maps, [maps[0]] * 3, atol=1e-4)
        np.testing.assert_allclose(maps[0][:, 1], [0, 1], atol=1e-4)  # heights stay
        assert 0.7 <= maps[0][0, 0] <= 1.3
        assert 0.001 < abs(maps[0][1, 0]) <= 0.3


def test_parts_are_dropped_from_whole_clips_but_never_the_only_hand():
    batch = prepared(*(make_sign(f"clip {number}", number % 4) for number in range(60)))
    one_hand = batch.hand_present.clone()
    one_hand[0, batch.clip < 30] = False  # half of the clips have no left hand
    confidence = batch.confidence.clone()
    confidence[7:28] *= one_hand[0]
    batch = replace(batch, hand_present=one_hand, confidence=confidence)
    found = augment(batch, AugmentSettings(part_drop=0.5), (0,))
    for rows in (slice(0, 7), slice(7, 28), slice(28, 49)):
        kept = []
        for clip in range(60):
            here = found.clip == clip
            ratio = (found.confidence[rows][:, here] > 0).float().mean()
            assert ratio in (0, 1)
            kept.append(bool(ratio))
        assert 10 < sum(kept) < 55
    for clip in range(60):
        hands = found.hand_present[:, found.clip == clip]
        assert hands.any()
        if clip < 30:
            assert hands[1].all()
    assert found.hand_present.equal(
        torch.stack([found.confidence[a:b].amax(0) > 0 for a, b in ((7, 28), (28, 49))])
    )
    assert (found.coordinates[(found.confidence == 0)[:, None].expand(-1, 2, -1)] == 0).all()

"""Motion against loops over single keypoints."""

import math

import numpy as np
import pytest

from masa_data.analysis.motion import jitter, mean_motion, shoulder_width, steps
from tests.conftest import make_track
from tests.made_signer import SHOULDERS, clip, signing


def test_shoulder_width_is_the_median_over_frames_that_have_both():
    points = signing(5)
    points[0, 1, 0] += 1000  # one wild frame does not matter
    missing = np.zeros((5, 49), bool)
    missing[1, 4] = True
    assert shoulder_width(clip(points, missing=missing)) == pytest.approx(SHOULDERS)


def test_without_shoulders_a_quarter_of_the_longer_side_stands_for_them():
    missing = np.zeros((3, 49), bool)
    missing[:, 1] = True
    assert shoulder_width(clip(signing(3), missing=missing)) == 160


def test_shoulders_in_one_place_give_no_division_by_zero():
    points = signing(3)
    points[:, 4] = points[:, 1]
    assert shoulder_width(clip(points)) == 1


def test_steps_and_jitter_are_those_of_single_keypoints():
    track = make_track(frames=7)
    moved, trembling = steps(track, 50), jitter(track, 50)
    assert moved.shape == (6, 49)
    assert trembling.shape == (5, 49)
    places = track.keypoints.tolist()
    for frame in range(6):
        for joint in range(49):
            expected = math.dist(places[frame][joint], places[frame + 1][joint]) / 50
            assert moved[frame, joint] == pytest.approx(expected, rel=1e-5, nan_ok=True)
    for frame in range(5):
        for joint in range(49):
            before, here, after = (places[frame + offset][joint] for offset in range(3))
            half_way = [(a + b) / 2 for a, b in zip(before, after, strict=True)]
            expected = math.dist(here, half_way) / 50
            assert trembling[frame, joint] == pytest.approx(expected, rel=1e-4, abs=1e-5, nan_ok=True)


def test_even_motion_has_no_jitter():
    points = signing(1).repeat(6, axis=0) + np.arange(6)[:, None, None] * 7.0
    assert jitter(clip(points), SHOULDERS).max() < 1e-6


@pytest.mark.parametrize("frames", [1, 2])
def test_clips_too_short_for_it_have_none(frames):
    track = clip(signing(frames))
    assert steps(track, 1).shape == (frames - 1, 49)
    assert jitter(track, 1).shape == (0, 49)


def test_mean_motion_leaves_out_what_is_unknown():
    nan = np.nan
    assert mean_motion(np.array([[1, 3, nan], [nan, nan, nan]]))[0] == 2
    assert np.isnan(mean_motion(np.array([[nan, nan]]))[0])

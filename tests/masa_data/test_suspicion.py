"""Made clips with one known fault each: found, measured, and none of the others."""

import numpy as np
import pytest

from masa_data.analysis.checks import (
    FAULTS,
    JUMPS,
    LIMITS,
    NEAR_DUPLICATE,
    NO_HANDS,
    SEVERAL_PEOPLE,
    SWAPPED,
    measure,
    most_suspicious,
)
from tests.made_signer import SHOULDERS, clip, signing

HANDS = slice(7, 49)


def found(track):
    return {name for name, value in measure(track).items() if value >= LIMITS[name]}


def test_a_clean_clip_has_no_fault():
    assert measure(clip(signing())) == dict.fromkeys(FAULTS[:4], 0.0)


def test_no_hands():
    missing = np.zeros((30, 49), bool)
    missing[:18, HANDS] = True
    track = clip(signing(), missing=missing)
    assert measure(track)[NO_HANDS] == pytest.approx(18 / 30)
    assert found(track) == {NO_HANDS}


def test_one_hand_is_enough():
    missing = np.zeros((30, 49), bool)
    missing[:, 7:28] = True
    assert found(clip(signing(), missing=missing)) == set()


def test_a_wrist_that_jumps_away_and_back_makes_two_jumps():
    points = signing()
    points[10, 3] -= (2 * SHOULDERS, 0)
    track = clip(points)
    assert measure(track)[JUMPS] == pytest.approx(2 / 29)
    assert found(track) == {JUMPS}


def test_another_person_from_some_frame_on_makes_one_jump():
    points = signing()
    points[15:] += (3 * SHOULDERS, 0)
    assert measure(clip(points))[JUMPS] == pytest.approx(1 / 29)


def test_a_hand_alone_that_jumps_is_a_jump_but_a_few_fingers_are_not():
    few, hand = signing(), signing()
    few[10, 28:37] += (2 * SHOULDERS, 0)
    hand[10, 28:38] += (2 * SHOULDERS, 0)
    assert measure(clip(few))[JUMPS] == 0
    assert measure(clip(hand))[JUMPS] == pytest.approx(2 / 29)


def test_what_is_not_certain_may_wander():
    points = signing()
    points[10, 3] -= (2 * SHOULDERS, 0)
    track = clip(points)
    track.confidence[10, 3] = 0.2
    assert measure(track)[JUMPS] == 0


def test_a_keypoint_that_is_lost_and_found_elsewhere_is_no_jump():
    points = signing()
    points[15:, 3:7] += (2 * SHOULDERS, 0)
    missing = np.zeros((30, 49), bool)
    missing[14, 3:7] = True
    assert measure(clip(points, missing=missing))[JUMPS] == 0


@pytest.mark.parametrize(("fps", "jumps"), [(50, True), (25, True), (10, False)])
def test_in_more_time_hands_may_go_further(fps, jumps):
    points = signing()
    points[10, 3] += (0, 1.8 * SHOULDERS)
    assert (measure(clip(points, fps=fps))[JUMPS] > 0) == jumps


def test_hands_of_a_folder_of_images_are_timed_by_frame_numbers():
    points = signing()
    points[10, 3] -= (2 * SHOULDERS, 0)
    track = clip(points)
    track.time[:] = np.nan
    assert measure(track)[JUMPS] == pytest.approx(2 / 29)
    track.frame_index[:] *= 5
    assert measure(track)[JUMPS] == 0


def test_swapped_hands():
    points = signing()
    points[4:13, 7:28], points[4:13, 28:49] = points[4:13, 28:49].copy(), points[4:13, 7:28].copy()
    track = clip(points)
    assert measure(track)[SWAPPED] == pytest.approx(9 / 30)
    assert measure(track)[NO_HANDS] == 0


def test_one_hand_on_the_wrist_of_the_other_side_is_swapped():
    points = signing()
    points[:, 7:28] = points[:, 28:49]
    missing = np.zeros((30, 49), bool)
    missing[:, 28:49] = True
    apart = np.hypot(*(points[:, 3] - points[:, 6]).T) > SHOULDERS / 2 + 1
    assert measure(clip(points, missing=missing))[SWAPPED] == pytest.approx(apart.mean())


def test_arms_that_cross_with_their_hands_are_not_swapped():
    points = signing()
    right = [6, *range(28, 49)]
    left = [3, *range(7, 28)]
    points[:, left], points[:, right] = points[:, right].copy(), points[:, left].copy()
    assert measure(clip(points))[SWAPPED] == 0


def test_hands_that_touch_are_not_swapped():
    points = signing()
    middle = (points[:, 3] + points[:, 6]) / 2
    for wrist, hand in ((3, slice(7, 28)), (6, slice(28, 49))):
        points[:, hand] += (middle - points[:, wrist])[:, None]
        points[:, wrist] = middle
    points[:, 7:28] -= (0.2 * SHOULDERS, 0)
    assert measure(clip(points))[SWAPPED] == 0


def test_several_people_is_what_the_estimator_said():
    assert found(clip(signing(), several_people=True)) == {SEVERAL_PEOPLE}


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_and_empty_clips_can_be_measured(frames):
    everything = np.ones((frames, 49), bool)
    assert found(clip(signing(frames), missing=everything)) == {NO_HANDS}


def test_every_fault_gets_its_turn():
    values = {
        NO_HANDS: np.array([1.0, 0.9, 0.8, 0.6, 0.4]),
        JUMPS: np.array([0.0, 0.0, 0.2, 0.0, 0.5]),
        NEAR_DUPLICATE: np.zeros(5),
    }
    assert [suspect.number for suspect in most_suspicious(values, 10)] == [0, 4, 1, 2, 3]
    assert [suspect.number for suspect in most_suspicious(values, 2)] == [0, 4]
    assert most_suspicious(values, 10)[3].faults == {NO_HANDS: 0.8, JUMPS: 0.2}
    assert most_suspicious({NO_HANDS: np.zeros(5)}, 10) == []

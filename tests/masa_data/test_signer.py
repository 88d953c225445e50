"""Who is the signer: with two shared clips side by side, and what MMPose itself said of each."""

import json

import numpy as np
import pytest

from masa_data.estimators.signer.people import box_around, overlap
from masa_data.estimators.signer.signer import (
    DETECT_EVERY,
    STRETCH,
    estimate_by_detection,
    estimate_by_following,
    estimate_in_box,
)
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES

WIDTH, HEIGHT = 640, 360  # of each half
LEFT, RIGHT = np.float32([0, 0, WIDTH, HEIGHT]), np.float32([WIDTH, 0, 2 * WIDTH, HEIGHT])


@pytest.fixture(scope="module")
def signers(shared_data):
    """FOOTBALL on the left and SOUP on the right of one wide frame: (T, 49, 3) of each."""
    found = []
    for name, scale, shift in (("FOOTBALL", 1.0, 0), ("SOUP", 1.5, WIDTH)):
        frames = json.loads((shared_data / f"video_mmpose_pair/{name}.mmpose133.json").read_text())
        people = [frame["instances"][0] for frame in frames]
        keypoints = np.array([person["keypoints"] for person in people]) * scale + [shift, 0]
        scores = np.clip([person["keypoint_scores"] for person in people], 0, 1)[..., None]
        found.append(np.concatenate([keypoints, scores], axis=2)[:41, COCO_WHOLEBODY_INDICES])
    return found


def numbered_frames(count):
    """Wide frames that carry their number in the first pixel."""
    for number in range(count):
        image = np.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)
        image[0, 0, 0] = number
        yield image


def finder(left, right):
    """What MMPose says of the person in a box: whoever's half the box is in."""

    def find(images, boxes):
        rows = [
            (left if box[[0, 2]].mean() < WIDTH else right)[image[0, 0, 0]]
            for image, box in zip(images, boxes, strict=True)
        ]
        return np.float32([row[:, :2] for row in rows]), np.float32([row[:, 2] for row in rows])

    return find


def detector(*spans):
    """What a detector sees: (box, first frame, one past the last); it lists people in no fixed order."""
    asked = []

    def detect(image):
        number = int(image[0, 0, 0])
        asked.append(number)
        boxes = [box for box, first, end in spans if first <= number < end]
        return np.float32(boxes[:: 1 - 2 * (len(asked) % 2)]).reshape(-1, 4)

    detect.asked = asked
    return detect


def frozen(person):
    return np.repeat(person[:1], len(person), axis=0)


def gone(person, first, end):
    """Somebody of whom nothing is certain but in some frames, as a network says of an empty box."""
    hidden = person.copy()
    hidden[:first, :, 2] = hidden[end:, :, 2] = 0.01
    return hidden


@pytest.mark.parametrize("still", ["left", "right"])
def test_of_two_people_the_one_who_moves_the_hands_is_the_signer(signers, still):
    left, right = signers
    left, right = (frozen(left), right) if still == "left" else (left, frozen(right))
    detect = detector((LEFT, 0, 41), (RIGHT, 0, 41))
    found = estimate_by_detection(numbered_frames(41), finder(left, right), detect)
    expected = right if still == "left" else left
    np.testing.assert_allclose([one.keypoints for one in found], expected[..., :2], rtol=1e-6)
    assert all(one.several_people for one in found)
    assert (found[20].box[[0, 2]].mean() > WIDTH) == (still == "left")


def test_somebody_who_walks_through_does_not_win_over_the_one_who_stays(signers):
    left, right = signers
    detect = detector((LEFT, 0, 41), (RIGHT, 0, 16))
    found = estimate_by_detection(numbered_frames(41), finder(left, gone(right, 0, 16)), detect)
    np.testing.assert_allclose([one.keypoints for one in found], left[..., :2], rtol=1e-6)


def test_a_signer_who_enters_late_and_leaves_early_is_missing_before_and_after(signers):
    left, right = signers
    detect = detector((RIGHT, STRETCH, 3 * STRETCH))
    here = gone(right, STRETCH, 3 * STRETCH)
    found = estimate_by_detection(numbered_frames(41), finder(left, here), detect)
    confidence = np.stack([one.confidence for one in found])
    assert (confidence[:STRETCH] == 0).all()
    assert (confidence[STRETCH : 3 * STRETCH] == np.float32(right[STRETCH : 3 * STRETCH, :, 2])).all()
    assert (confidence[3 * STRETCH :] < 0.02).all()
    assert (confidence[4 * STRETCH :] == 0).all()
    assert np.isnan(found[0].box).all()
    assert not found[10].several_people


def test_somebody_who_comes_later_is_followed_from_the_next_detection_on(signers):
    left, right = signers
    detect = detector((LEFT, 0, 41), (RIGHT, 12, 41))
    found = estimate_by_detection(numbered_frames(41), finder(frozen(left), right), detect)
    confidence = np.stack([one.confidence for one in found])
    assert found[0].several_people
    assert (confidence[:32] == 0).all()
    assert (confidence[32:] == np.float32(right[32:, :, 2])).all()


def test_people_are_detected_now_and_then_or_when_one_is_lost(signers):
    left, right = signers
    every = DETECT_EVERY * STRETCH
    detect = detector((LEFT, 0, 41), (RIGHT, 0, 41))
    estimate_by_detection(numbered_frames(41), finder(left, right), detect)
    assert detect.asked == [0, every]
    detect = detector((LEFT, 0, 41), (RIGHT, 0, 12))
    estimate_by_detection(numbered_frames(41), finder(left, gone(right, 0, 8)), detect)
    assert detect.asked == [0, 16]  # at 8 a network still looked for them, in vain


def test_in_between_the_box_moves_with_the_person(signers):
    walker = signers[0].copy()
    walker[..., 0] += np.linspace(0, 300, 41)[:, None]
    tight = np.concatenate([walker[0, :, :2].min(axis=0), walker[0, :, :2].max(axis=0)])
    found = estimate_by_detection(numbered_frames(41), finder(walker, walker), detector((tight, 0, 8)))
    for number in (8, 16, 24):
        x0, _, x1, _ = found[number].box
        first = walker[number]
        assert (first[first[:, 2] > 0.3, 0] > x0 - 20).all()
        assert (first[first[:, 2] > 0.3, 0] < x1 + 20).all()
        assert x1 - x0 < 1.6 * (tight[2] - tight[0])


def test_nobody_at_all_is_an_empty_track(signers):
    found = estimate_by_detection(
        numbered_frames(20), finder(*signers), lambda _: np.zeros((0, 4), np.float32)
    )
    assert len(found) == 20
    assert not any(one.confidence.any() for one in found)


def test_following_narrows_to_the_signer_and_widens_when_nobody_is_left(signers):
    left, _ = signers
    away = left.copy()
    away[16:32, :, 2] = 0
    found = list(estimate_by_following(numbered_frames(41), finder(away, away)))
    whole = np.float32([0, 0, 2 * WIDTH, HEIGHT])
    np.testing.assert_array_equal(found[0].box, whole)
    for number in (8, 16):
        x0, _, x1, _ = found[number].box
        sure = left[: number + 8][left[: number + 8, :, 2] > 0.3]
        assert x1 - x0 < WIDTH
        assert (sure[:, 0] >= x0 - 20).all()
        assert (sure[:, 0] <= x1 + 20).all()
    np.testing.assert_array_equal(found[24].box, whole)


def test_one_box_is_kept_throughout_however_many_frames_go_at_a_time(signers):
    for at_a_time in (1, 7, 100):
        found = list(estimate_in_box(numbered_frames(41), RIGHT, finder(*signers), at_a_time))
        np.testing.assert_allclose([one.keypoints for one in found], signers[1][..., :2], rtol=1e-6)


def test_the_box_holds_the_keypoints_and_the_reach_of_the_hands():
    keypoints = np.zeros((3, 49, 2), np.float32)
    confidence = np.zeros((3, 49), np.float32)
    keypoints[:, 1], keypoints[:, 4], keypoints[:, 3] = (350, 200), (250, 200), (900, 210)
    assert box_around(keypoints, confidence, 640, 480) is None
    confidence[:, [1, 3, 4]] = 1
    np.testing.assert_allclose(box_around(keypoints, confidence, 2000, 1000), [100, 0, 900, 500])
    np.testing.assert_allclose(box_around(keypoints, confidence, 640, 480), [100, 0, 640, 480])


def test_overlap():
    assert overlap(LEFT, RIGHT) == 0
    assert overlap(LEFT, LEFT) == 1
    assert overlap(np.float32([0, 0, 2, 2]), np.float32([1, 0, 3, 2])) == pytest.approx(1 / 3)


def test_drifting_past_with_still_hands_is_no_signing(signers):
    left, right = signers
    walker = frozen(right)
    walker[..., 0] -= np.linspace(0, 300, len(walker))[:, None]
    detect = detector((LEFT, 0, 41), (RIGHT, 0, 41))
    found = estimate_by_detection(numbered_frames(41), finder(left, walker), detect)
    np.testing.assert_allclose([one.keypoints for one in found], left[..., :2], rtol=1e-6)

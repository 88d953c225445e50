"""OpenPose's JSON: which files are a clip, several people, and files that are none."""

import json

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.openpose_json import list_openpose, openpose_frames


def person(x=100.0, *, wrist=0.0, **changes):
    body = np.zeros((25, 3))
    body[:8] = (x, 100, 0.8)
    body[[2, 5], 0] += (-25, 25)
    body[[4, 7], 1] += wrist
    body[9:] = 0  # legs out of sight
    hands = {f"hand_{side}_keypoints_2d": [x, 120.0, 0.5] * 21 for side in ("left", "right")}
    facts = {"person_id": [-1], "pose_keypoints_2d": body.ravel().tolist(), "face_keypoints_2d": [], **hands}
    return {name: value for name, value in (facts | changes).items() if value is not None}


def write(folder, *people_by_frame, video="clip", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in enumerate(people_by_frame, first):
        path = folder / f"{video}_{number:012d}_keypoints.json"
        path.write_text(people if isinstance(people, str) else json.dumps({"version": 1.3, "people": people}))


def clips(*inputs):
    frames = openpose_frames()
    listing = list_openpose(frames, map(str, inputs), "folder")
    return frames, listing


def read(folder):
    frames, listing = clips(folder)
    (clip,) = listing.clips
    return frames.read(clip)


def test_the_49_come_from_where_openpose_has_them(tmp_path):
    body = np.arange(75.0).reshape(25, 3) + 10
    left, right = np.arange(63.0) + 100, np.arange(63.0) + 200
    row = person(
        pose_keypoints_2d=body.ravel().tolist(),
        hand_left_keypoints_2d=left.tolist(),
        hand_right_keypoints_2d=right.tolist(),
    )
    write(tmp_path / "a", [row])
    found = read(tmp_path / "a")
    # BODY_25: nose 0, neck 1, right shoulder, elbow, wrist 2-4, left 5-7.
    np.testing.assert_array_equal(found.keypoints[0, :7], body[[0, 5, 6, 7, 2, 3, 4], :2])
    np.testing.assert_array_equal(found.keypoints[0, 7:28], left.reshape(21, 3)[:, :2])
    np.testing.assert_array_equal(found.scores[0, 28:], right.reshape(21, 3)[:, 2])


def test_folders_are_clips_and_so_are_videos_that_share_one(tmp_path):
    write(tmp_path / "train/book/one", [person()], [person()], video="any")
    write(tmp_path / "train/book/shared", [person()], video="x")
    write(tmp_path / "train/book/shared", [person()], [], video="y_2")
    write(tmp_path, [person()], video="loose")
    (tmp_path / "train/notes.txt").write_text("")
    frames, listing = clips(tmp_path)
    assert [(clip.id, clip.gloss, clip.split) for clip in listing.clips] == [
        ("loose", "", ""),
        ("train/book/one", "book", "train"),
        ("train/book/shared/x", "shared", "train"),
        ("train/book/shared/y_2", "shared", "train"),
    ]
    assert [len(frames.read(clip).scores) for clip in listing.clips] == [1, 2, 1, 2]
    assert listing.ignored == {".txt": 1}


def test_frame_numbers_are_kept_and_frames_without_anybody_are_missing(tmp_path):
    write(tmp_path / "a", [person()], [], [person()], first=7)
    (tmp_path / "a" / "clip_000000000008_keypoints.json").rename(
        tmp_path / "a" / "clip_000000000020_keypoints.json"
    )
    found = read(tmp_path / "a")
    assert found.frame_index.tolist() == [7, 9, 20]
    assert (found.scores.max(axis=1) > 0).tolist() == [True, True, False]
    assert not found.several_people


def test_who_moves_the_hands_wins(tmp_path):
    rows = [[person(0.0), person(400.0, wrist=40 * (number % 2))] for number in range(20)]
    write(tmp_path / "a", *rows)
    found = read(tmp_path / "a")
    assert found.several_people
    assert (found.keypoints[:, 0, 0] == 400).all()


def test_hands_may_be_absent(tmp_path):
    write(tmp_path / "a", [person(hand_left_keypoints_2d=[], hand_right_keypoints_2d=None)])
    assert (read(tmp_path / "a").scores[0, 7:] == 0).all()


WRONG = {
    "half": (json.dumps({"people": [person()]})[:-20], "end of the file"),
    "nothing": ("", "end of the file"),
    "deep": ("[" * 100_000, "no readable JSON"),
    "a list": ("[]", "expected named values"),
    "no people": ("{}", "no list as `people`"),
    "a person that is none": ('{"people": [7]}', "person 0: found 7"),
    "COCO's 18 points": ([person(pose_keypoints_2d=[0] * 54)], "54 values as `pose_keypoints_2d`"),
    "no body": ([person(pose_keypoints_2d=None)], "0 values as `pose_keypoints_2d`"),
    "texts": ([person(pose_keypoints_2d=["1"] * 75)], "values that are not numbers"),
    "lists": ([person(pose_keypoints_2d=[[1]] * 75)], "values that are not numbers"),
    "uneven": ([person(pose_keypoints_2d=[[1]] * 74 + [[1, 2]])], "lists in `pose_keypoints_2d`"),
    "NaN": (json.dumps({"people": [person(hand_left_keypoints_2d=[float("nan")] * 63)]}), "the number NaN"),
    "huge": (json.dumps({"people": [person()]}).replace("0.8", "1e999"), "values that are not numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_content_is_refused_in_one_line_that_names_the_file(tmp_path, name):
    content, expected = WRONG[name]
    write(tmp_path / "a", [person()], content)
    with pytest.raises(DataError, match=expected) as error:
        read(tmp_path / "a")
    assert error.value.reason.startswith("clip_000000000001_keypoints.json: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 350


def test_a_file_that_is_no_frame_is_refused_before_it_is_read(tmp_path):
    write(tmp_path / "a", [person()])
    with (tmp_path / "a" / "clip_000000000000_keypoints.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="at most 8,388,608: one frame"):
        read(tmp_path / "a")


def test_what_cannot_be_a_clip_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "twice/a", [person()])
    (tmp_path / "twice/a/clip_0_keypoints.json").write_text("{}")
    _, listing = clips(tmp_path / "empty", tmp_path / "no", tmp_path / "twice")
    assert listing.clips == []
    reasons = " / ".join(problem.reason for problem in listing.problems)
    assert "no file …_keypoints.json" in reasons
    assert "no such folder" in reasons
    assert "two files for one frame" in reasons

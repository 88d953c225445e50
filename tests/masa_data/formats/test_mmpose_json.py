"""MMPose's JSON: both forms, several people, nobody, and files that are none."""

import json

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.mmpose_json import read_mmpose_json


def person(x=0.0, *, wrist=0.0, **changes):
    """Somebody at x whose wrists are moved by `wrist` pixels."""
    keypoints = np.full((133, 2), (x + 50, 100.0))
    keypoints[[5, 6], 0] += (-25, 25)
    keypoints[[9, 10]] += wrist
    box = [[x, 0.0, x + 100.0, 200.0]]
    facts = {"keypoints": keypoints.tolist(), "keypoint_scores": [0.9] * 133, "bbox": box, "bbox_score": 1}
    return {name: value for name, value in (facts | changes).items() if value is not None}


def frames(*people_by_frame):
    return [{"frame_id": number, "instances": people} for number, people in enumerate(people_by_frame)]


def read(tmp_path, content):
    path = tmp_path / "clip.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_mmpose_json(path)


def test_frames_of_the_demo_scripts_count_from_1(tmp_path):
    rows = [{"frame_id": number, "instances": [person(number)]} for number in (1, 2, 5)]
    found = read(tmp_path, {"meta_info": {}, "instance_info": rows})
    assert found.frame_index.tolist() == [0, 1, 4]
    assert found.box[:, 0].tolist() == [1, 2, 5]


def test_who_moves_the_hands_wins_over_who_stands_still_in_any_order(tmp_path):
    rows = []
    for number in range(20):
        pair = [person(0, wrist=30 * (number % 2)), person(300)]
        rows.append(pair if number % 3 else pair[::-1])
    found = read(tmp_path, frames(*rows))
    assert found.several_people
    assert (found.box[:, 0] == 0).all()


def test_who_waves_once_does_not_win_over_who_signs_all_along(tmp_path):
    rows = [[person(0, wrist=20 * (number % 2))] for number in range(30)]
    for number in (10, 11):
        rows[number].insert(0, person(300, wrist=60 * (number % 2)))
    assert (read(tmp_path, frames(*rows)).box[:, 0] == 0).all()


def test_frames_without_the_signer_have_score_0(tmp_path):
    rows = [[person(0, wrist=20 * (number % 2))] for number in range(10)]
    rows[4] = rows[5] = []
    found = read(tmp_path, frames(*rows))
    assert np.flatnonzero(found.scores.max(axis=1) == 0).tolist() == [4, 5]
    assert not found.several_people


def test_nobody_at_all_and_a_crowd(tmp_path):
    assert (read(tmp_path, frames([], [])).scores == 0).all()
    assert read(tmp_path, frames([person(10 * x) for x in range(50)])).several_people


@pytest.mark.parametrize("bbox", [None, [0.0, 0.0, 100.0, 200.0], [[0.0, 0.0, 0.0, 0.0]]])
def test_boxes_may_be_plain_absent_or_flat(tmp_path, bbox):
    assert read(tmp_path, frames([person(bbox=bbox)], [person(bbox=bbox)])).box.shape == (2, 4)


WRONG = {
    "half": (json.dumps(frames([person()]))[:-20], "end of the file"),
    "no JSON": ("hello", "no JSON"),
    "nothing": ("", "end of the file"),
    "deep": ("[" * 100_000, "no readable JSON"),
    "NaN": (json.dumps(frames([person(keypoint_scores=[float("nan")] * 133)])), "the number NaN"),
    "huge number": (json.dumps(frames([person()])).replace("0.9", "1e999"), "beyond a billion"),
    "many digits": (json.dumps(frames([person()])).replace("0.9", "9" * 5000), "digits"),
    "empty list": ([], "an empty list"),
    "another thing": ({"frames": []}, "a dict"),
    "text": ('"frames"', "a str"),
    "no frame_id": ([{"instances": []}], "no `frame_id`"),
    "frame_id twice": ([*frames([]), *frames([])], "do not increase"),
    "frame_id below 0": ([{"frame_id": -1, "instances": []}], "-1 as `frame_id`"),
    "frame_id 0 where frames count from 1": ({"instance_info": frames([])}, "0 as `frame_id`"),
    "frame is a list": ([[]], "named values"),
    "no instances": ([{"frame_id": 0}], "no list as `instances`"),
    "17 keypoints": (frames([person(keypoints=[[0, 0]] * 17)]), r"`keypoints` of shape \(17, 2\)"),
    "3 numbers a keypoint": (frames([person(keypoints=[[0, 0, 1]] * 133)]), r"shape \(133, 3\)"),
    "uneven": (frames([person(keypoints=[[0, 0]] * 132 + [[0]])]), "different lengths"),
    "texts": (frames([person(keypoints=[["0", "0"]] * 133)]), "values that are not numbers"),
    "no scores": (frames([person(keypoint_scores=None)]), "no `keypoint_scores`"),
    "odd box": (frames([person(bbox=[1, 2])]), "`bbox` of shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_content_is_refused_in_one_line(tmp_path, name):
    content, expected = WRONG[name]
    with pytest.raises(DataError, match=expected) as error:
        read(tmp_path, content)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_a_file_of_a_whole_recording_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "clip.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="one clip of one sign"):
        read_mmpose_json(path)

"""pyskl's pickles: both forms, splits, several people, and files that lie."""

import pickle

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.frame_facts import VideoFolder
from masa_data.formats.pyskl.reading import PysklFiles
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES


def row(name="a", frames=3, **changes):
    rng = np.random.default_rng(0)
    facts = {
        "frame_dir": name,
        "label": 4,
        "img_shape": (360, 640),
        "original_shape": (360, 640),
        "total_frames": frames,
        "keypoint": rng.uniform(0, 300, (1, frames, 133, 2)).astype(np.float16),
        "keypoint_score": rng.uniform(0, 1, (1, frames, 133)).astype(np.float16),
    }
    return {key: value for key, value in (facts | changes).items() if value is not None}


def listed(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 4))
    files = PysklFiles(25.0)
    return files, files.list_clips(path, "pyskl")


def test_133_points_in_half_precision_become_our_49(tmp_path):
    files, listing = listed(tmp_path, [row()])
    (clip,) = listing.clips
    found = files.read(clip)
    np.testing.assert_array_equal(
        found.keypoints, row()["keypoint"][0, :, COCO_WHOLEBODY_INDICES].swapaxes(0, 1)
    )
    np.testing.assert_array_equal(
        found.scores, row()["keypoint_score"][0, :, COCO_WHOLEBODY_INDICES].swapaxes(0, 1)
    )
    assert (found.stated.width, found.stated.height, found.stated.fps) == (640, 360, 25.0)
    assert (clip.id, clip.label, clip.corpus) == ("a", 4, "pyskl")


def test_scores_may_be_the_third_number_and_empty_people_are_nobody(tmp_path):
    keypoint = np.random.default_rng(1).uniform(1, 9, (2, 3, 49, 3))
    keypoint[0] = 0
    files, listing = listed(tmp_path, [row(keypoint=keypoint, keypoint_score=None)])
    found = files.read(listing.clips[0])
    np.testing.assert_array_equal(found.keypoints, keypoint[1, ..., :2])
    assert not found.several_people


def test_splits_that_we_know_are_taken_and_others_are_none(tmp_path):
    content = {
        "split": {"train": ["a", "b"], "test": ["c"], "xsub_val": ["d"], "xset_val": ["b"], "dev": ["e"]},
        "annotations": [row(name) for name in "abcdef"],
    }
    _, listing = listed(tmp_path, content)
    assert [clip.split for clip in listing.clips] == ["train", "", "test", "", "val", ""]


def test_one_wrong_annotation_does_not_cost_the_others(tmp_path):
    rows = [row("a"), row("a"), 7, row("b", label="x"), row("", label=1), row("c")]
    _, listing = listed(tmp_path, rows)
    assert [clip.id for clip in listing.clips] == ["a", "c"]
    assert len(listing.problems) == 4


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("true",)


WRONG_FILE = {
    "half": (pickle.dumps([row()])[:-50], "an incomplete or damaged pickle"),
    "nothing": (b"", "an incomplete or damaged pickle"),
    "text": (b"hello", "an incomplete or damaged pickle"),
    "code": (pickle.dumps([row(x=Evil())]), "found '(posix|nt).system' in the pickle"),
    "empty list": ([], "no list of annotations"),
    "a text": ("annotations", "no list of annotations"),
    "no annotations": ({"split": {}}, "no list of annotations"),
    "split is a list": ({"split": ["a"], "annotations": [row()]}, "a list as `split`"),
}


@pytest.mark.parametrize("name", WRONG_FILE)
def test_other_files_are_refused_in_one_line(tmp_path, name):
    content, expected = WRONG_FILE[name]
    with pytest.raises(DataError, match=expected) as error:
        listed(tmp_path, content)
    assert "\n" not in str(error.value)


def test_one_array_for_thousands_of_clips_is_no_clip_each(tmp_path):
    points, scores = np.ones((1, 2000, 49, 2)), np.ones((1, 2000, 49))
    rows = [row(str(number), keypoint=points, keypoint_score=scores) for number in range(1000)]
    with pytest.raises(DataError, match="expected one array per clip"):
        listed(tmp_path, rows)


def test_lists_nested_in_themselves_end(tmp_path):
    content = row()
    content["again"] = [content]
    files, listing = listed(tmp_path, [content])
    assert len(files.read(listing.clips[0]).scores) == 3


def test_a_few_bytes_that_nest_the_same_list_make_nothing_large(tmp_path):
    value = ["x"]
    for _ in range(200):
        value = [value, value]
    with pytest.raises(DataError):
        listed(tmp_path, {"annotations": value, "split": {}, "more": 7} | {"annotations": []})
    _, listing = listed(tmp_path, [row(more=value)])
    assert len(listing.clips) == 1


WRONG_ROW = {
    "17 points": (
        {"keypoint": np.ones((1, 3, 17, 2)), "keypoint_score": np.ones((1, 3, 17))},
        "have no hands",
    ),
    "three axes": ({"keypoint": np.ones((3, 49, 2))}, "no array of four axes"),
    "no keypoints": ({"keypoint": None}, "no array of four axes"),
    "a list": ({"keypoint": [[1]]}, "no array of four axes"),
    "no frames": ({"keypoint": np.ones((1, 0, 49, 2)), "keypoint_score": np.ones((1, 0, 49))}, "shape"),
    "no scores": ({"keypoint_score": None}, "no `keypoint_score`"),
    "other scores": ({"keypoint_score": np.ones((1, 4, 133))}, "no `keypoint_score`"),
    "no size": ({"img_shape": None, "original_shape": None}, "no `img_shape`"),
    "three sides": ({"img_shape": (1, 2, 3)}, "no `img_shape`"),
    "sides of 0": ({"img_shape": (0, 640)}, "the img_shape"),
    "sides NaN": ({"img_shape": (float("nan"), 640)}, "the img_shape"),
    "sides of texts": ({"img_shape": ("a", "b")}, "the img_shape"),
}


@pytest.mark.parametrize("name", WRONG_ROW)
def test_other_clips_are_refused_in_one_line(tmp_path, name):
    changes, expected = WRONG_ROW[name]
    files, listing = listed(tmp_path, [row(**changes)])
    with pytest.raises(DataError, match=expected) as error:
        files.read(listing.clips[0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["../secret", "/secret", "a/../../secret", "a//secret"])
def test_a_name_that_leads_elsewhere_finds_no_video(tmp_path, name):
    (tmp_path / "videos").mkdir()
    for path in (tmp_path / "secret.mp4", tmp_path / "videos/secret.mp4"):
        path.write_bytes(b"not to be opened")
    _, listing = listed(tmp_path, [row(name)])
    with pytest.raises(DataError, match="found no video"):
        VideoFolder(tmp_path / "videos").facts(listing.clips[0])

"""MASA-style pickles that are none."""

import pickle

import numpy as np
import pytest

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.formats.masa_pickle import clips_in_pickle
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES


def read(tmp_path, content):
    path = tmp_path / "clip.pkl"
    path.write_bytes(pickle.dumps(content))
    (one,) = clips_in_pickle(Clip("clip", path, str(path), "folder"))
    return one[1]()


def test_keypoints_and_scores_are_read(tmp_path):
    keypoints = np.random.default_rng(0).uniform(0, 100, (4, 133, 3)).astype(np.float32)
    found = read(tmp_path, {"keypoints": keypoints, "img_list": [f"{n}.jpg" for n in range(4)]})
    np.testing.assert_array_equal(found.keypoints, keypoints[:, COCO_WHOLEBODY_INDICES, :2])
    np.testing.assert_array_equal(found.scores, keypoints[:, COCO_WHOLEBODY_INDICES, 2])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([1, 2], "found a list"),
        ({"poses": 1}, "found a dict of"),
        ({"keypoints": [[1, 2]]}, "found no list as `scores`"),
        ({"keypoints": [[1, 2]], "scores": [[1]]}, "frame 0: expected arrays"),
        ({"keypoints": np.zeros((2, 17, 3))}, r"shape \(2, 17, 3\)"),
        ({"keypoints": np.zeros((2, 133, 2))}, r"shape \(2, 133, 2\)"),
        ({"keypoints": np.zeros((0, 133, 3))}, r"shape \(0, 133, 3\)"),
        ({"keypoints": np.float32(1)}, "found a dict of"),
        ({"keypoints": np.full((2, 133, 3), "1")}, "type <U1"),
        ({"keypoints": np.array(1.0)}, r"shape \(\)"),
        ({"keypoints": np.zeros((2, 133, 3)), "img_list": ["a"]}, "found 1 images"),
        ({"keypoints": np.zeros((2, 133, 3)), "img_list": 7}, "found a int"),
    ],
)
def test_other_content_is_refused_in_one_line(tmp_path, content, expected):
    with pytest.raises(DataError, match=expected) as error:
        read(tmp_path, content)
    assert "\n" not in str(error.value)

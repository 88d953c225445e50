from dataclasses import replace

import numpy as np
import pytest

from masa_data import ClipInfo, DataError, PoseTrack
from tests.conftest import make_track


def test_a_keypoint_with_confidence_0_is_nan_and_one_without_position_has_confidence_0():
    keypoints = np.ones((2, 49, 2))
    keypoints[0, 3] = np.inf
    confidence = np.ones((2, 49))
    confidence[1, 4] = 0
    track = PoseTrack.with_missing(
        ClipInfo("a", "a.mp4", width=10, height=10, end=2), keypoints, confidence, np.arange(2), np.zeros(2)
    )
    assert track.confidence[0, 3] == 0
    assert np.isnan(track.keypoints[0, 3]).all()
    assert np.isnan(track.keypoints[1, 4]).all()
    assert np.isfinite(track.keypoints).all(axis=-1).sum() == 2 * 49 - 2


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("keypoints", np.zeros((5, 48, 2), np.float32), r"keypoints is float32 \(5, 48, 2\), expected"),
        ("keypoints", np.zeros((5, 49, 2)), "float64"),
        ("keypoints", np.zeros((5, 49, 2), np.float32), "NaN where it is 0"),
        ("confidence", np.full((5, 49), 1.06, np.float32), "spans 1.06 to 1.06"),
        ("confidence", np.full((5, 49), np.nan, np.float32), "spans nan to nan"),
        ("frame_index", np.array([0, 1, 1, 2, 3], np.int32), "does not increase"),
        ("frame_index", np.arange(-1, 4, dtype=np.int32), "does not increase from 0"),
        ("frame_index", np.zeros(0, np.int32), "expected float32"),
    ],
)
def test_wrong_arrays_are_refused_with_what_was_found(field, value, message):
    with pytest.raises(DataError, match=message):
        replace(make_track(), **{field: value})


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"id": ""}, "empty id"),
        ({"split": "dev"}, "'dev', expected one of train, val, test"),
        ({"width": 0}, "0×5 pixels"),
        ({"start": 3, "end": 2}, "3 to 2"),
    ],
)
def test_wrong_facts_are_refused(facts, message):
    with pytest.raises(DataError, match=message):
        ClipInfo(**({"id": "a", "path": "a", "width": 5, "height": 5} | facts))

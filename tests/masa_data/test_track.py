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


def test_a_slice_keeps_frames_with_their_times_and_numbers():
    track = make_track(frames=30)
    part = track[10:20:3]
    np.testing.assert_array_equal(part.keypoints, track.keypoints[[10, 13, 16, 19]])
    np.testing.assert_array_equal(part.confidence, track.confidence[[10, 13, 16, 19]])
    np.testing.assert_array_equal(part.box, track.box[[10, 13, 16, 19]])
    assert part.frame_index.tolist() == [10, 13, 16, 19]
    assert part.time.tolist() == track.time[[10, 13, 16, 19]].tolist()
    assert (part.info.start, part.info.end, len(part)) == (10, 20, 4)
    assert (track[:5].info.start, track[:5].info.end) == (0, 5)
    assert track[:] == track
    assert track[-5:].info.end == track.info.end


@pytest.mark.parametrize("frames", [slice(30, 40), slice(20, 10), slice(None, None, -1)])
def test_a_slice_without_a_frame_or_backward_is_refused(frames):
    with pytest.raises(DataError, match="of clip 'clip', which has 30, expected at least one frame"):
        make_track(frames=30)[frames]


def test_one_frame_is_no_track():
    with pytest.raises(TypeError, match=r"such as track\[3:4\], found 3"):
        make_track()[3]


def test_tracks_are_equal_if_all_they_hold_is_and_nan_is_nan():
    track = make_track()
    again = make_track()
    assert track == again
    assert track is not again
    no_rate = replace(track, info=replace(track.info, fps=float("nan")))
    assert no_rate == replace(again, info=replace(again.info, fps=np.float64("nan")))
    assert no_rate != track
    time = track.time.copy()
    time[2] = np.nan
    assert replace(track, time=time) != track
    assert replace(track, info=replace(track.info, gloss="other")) != track
    assert make_track(frames=4) != track
    assert track != "clip"


def test_a_track_says_what_it_is():
    track = make_track(frames=12, gloss="book", split="train")
    assert repr(track).startswith("<PoseTrack 'clip': frames 12 at 25 frames/s, size 640×360, ")
    assert "gloss book, split train" in repr(track)
    assert "\n" not in repr(make_track(gloss="a\nb"))

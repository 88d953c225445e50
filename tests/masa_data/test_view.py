"""What was logged is read back with Rerun's own reader."""

import cv2
import numpy as np
import pytest

from demo.footage import write_clip
from masa_data.tracks.skeleton import PARTS
from masa_data.video.frames import Video
from tests.made_signer import SHOULDERS, clip, signing

pytest.importorskip("rerun", reason="rerun-sdk (0.7 GB) is not installed: pip install '.[view]'")
chunk = pytest.importorskip("rerun.chunk", reason="this rerun-sdk has no rerun.chunk to read files with")
import rerun as rr  # noqa: E402

from masa_data.drawing.rerun_view import log_clip  # noqa: E402


def logged(path):
    """(entity, column) → {frame: values}, and the static columns under frame None."""
    found = {}
    for part in chunk.RrdReader(path).stream():
        rows = part.to_record_batch()
        frames = rows.column("frame").to_pylist() if "frame" in rows.schema.names else [None] * part.num_rows
        for name in rows.schema.names:
            if ":" in name:
                cells = dict(zip(frames, rows.column(name).to_pylist(), strict=True))
                found.setdefault((part.entity_path, name), {}).update(cells)
    return found


def save(track, path, source=None):
    recording = rr.RecordingStream("test", recording_id="test")
    recording.save(path)
    log_clip(recording, track, source)
    recording.disconnect()
    return logged(path)


@pytest.fixture(scope="module")
def track():
    missing = np.zeros((8, 49), bool)
    missing[2:4, 28:] = True
    return clip(signing(8), "a & b", gloss="tea", missing=missing)


def test_every_keypoint_is_logged_in_its_frame_and_missing_ones_are_not(track, tmp_path):
    found = save(track, tmp_path / "a.rrd")
    positions = found["/video/skeleton", "Points2D:positions"]
    numbers = found["/video/skeleton", "Points2D:keypoint_ids"]
    assert sorted(positions) == list(range(8))
    for frame in range(8):
        seen = np.flatnonzero(track.confidence[frame] > 0)
        assert numbers[frame] == seen.tolist()
        np.testing.assert_array_equal(np.float32(positions[frame]), track.keypoints[frame, seen])
    assert len(numbers[2]) == 28


def test_confidence_and_motion_are_logged_by_part(track, tmp_path):
    found = save(track, tmp_path / "a.rrd")
    for name, part in PARTS.items():
        path = name.replace(" ", "_")
        confidence = found[f"/confidence/{path}", "Scalars:scalars"]
        motion = found[f"/motion/{path}", "Scalars:scalars"]
        for frame in range(8):
            [value] = confidence[frame]
            assert value == pytest.approx(track.confidence[frame, part].mean(), abs=1e-6)
        for frame in range(1, 8):
            ways = track.keypoints[frame, part] - track.keypoints[frame - 1, part]
            lengths = np.linalg.norm(ways, axis=1) / SHOULDERS
            if np.isnan(lengths).all():
                assert frame not in motion
            else:
                assert motion[frame] == [pytest.approx(np.nanmean(lengths), rel=1e-5)]
        assert 0 not in motion
    assert 3 not in found["/motion/right_hand", "Scalars:scalars"]


def test_what_is_known_about_the_clip_and_its_limbs_are_there(track, tmp_path):
    found = save(track, tmp_path / "a.rrd")
    [[text]] = found["/clip", "TextDocument:text"].values()
    assert text.splitlines()[:2] == ["a & b", "gloss: tea"]
    [[[context]]] = found["/video/skeleton", "AnnotationContext:context"].values()
    limbs = context["class_description"]["keypoint_connections"]
    assert {"keypoint0": 3, "keypoint1": 7} in limbs


def test_pictures_are_those_of_the_video(track, tmp_path):
    still = np.tile(np.eye(2, 3), (8, 1, 1))
    still[:, 0, 2] = np.arange(8) * 5
    write_clip(tmp_path / "a.mp4", still)
    track.frame_index[:] = np.arange(8)
    found = save(track, tmp_path / "a.rrd", tmp_path / "a.mp4")
    pictures = found["/video", "EncodedImage:blob"]
    frames = list(Video(tmp_path / "a.mp4"))
    assert sorted(pictures) == [frame.index for frame in frames]
    for frame in frames:
        [data] = pictures[frame.index]
        shown = cv2.imdecode(np.asarray(data, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(shown.astype(int) - frame.image).mean() < 3


def test_without_a_clock_there_is_only_the_frame_number(tmp_path):
    track = clip(signing(4))
    track.time[:] = np.nan
    found = save(track, tmp_path / "a.rrd")
    assert sorted(found["/confidence/body", "Scalars:scalars"]) == [0, 1, 2, 3]
    assert all("time" not in part.timeline_names for part in chunk.RrdReader(tmp_path / "a.rrd").stream())

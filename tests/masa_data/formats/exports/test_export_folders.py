"""A file or folder a clip: what pose-format and MMPose's readers find in it, and what comes back."""

import csv
import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.formats.export import export
from masa_data.formats.masa_pickle import clips_in_pickle
from masa_data.formats.mmpose_json import read_mmpose_json
from masa_data.formats.openpose_json import list_openpose, openpose_frames
from masa_data.formats.pose.reading import read_pose
from masa_data.shards.quantize import quantize
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES, KEYPOINT_NAMES
from masa_data.tracks.track import PoseTrack
from tests.conftest import make_track
from tests.masa_data.formats.conftest import assert_same_points

READERS = {
    "pose": lambda folder, clip_id: read_pose(Clip(clip_id, folder / f"{clip_id}.pose", "", "")),
    "mmpose": lambda folder, clip_id: read_mmpose_json(folder / f"{clip_id}.json"),
    "masa-pickle": lambda folder, clip_id: read_masa_pickle(folder / f"{clip_id}.pkl"),
    "openpose": lambda folder, clip_id: read_openpose(folder, clip_id),
}
KEEPS_FRAME_NUMBERS = ("openpose", "mmpose")


def read_masa_pickle(path):
    (one,) = clips_in_pickle(Clip("clip", path, str(path), ""))
    return one[1]()


def read_openpose(folder, clip_id):
    frames = openpose_frames()
    (clip,) = [clip for clip in list_openpose(frames, [str(folder)], "folder").clips if clip.id == clip_id]
    return frames.read(clip)


def as_stored(found, info):
    return quantize(
        PoseTrack.with_missing(
            info,
            np.where(found.scores[..., None] > 0, found.keypoints, np.nan),
            np.clip(found.scores, 0, 1),
            found.frame_index,
            found.frame_index / 25,
        )
    )


@pytest.mark.parametrize("to", READERS)
def test_real_tracks_come_back_to_the_bit(real, tmp_path, to):
    done = export(real, to, tmp_path / "out")
    assert (done.clips, done.frames, done.problems) == (2, real.frames, [])
    for number, clip_id in enumerate(real):
        found = READERS[to](tmp_path / "out", clip_id)
        assert_same_points(as_stored(found, real.info(number)), real.stored(number))


@pytest.mark.parametrize("to", READERS)
def test_made_up_tracks_with_gaps_come_back(made_up, tmp_path, to):
    export(made_up, to, tmp_path / "out")
    for number, (clip_id, track) in enumerate(made_up.items()):
        found = READERS[to](tmp_path / "out", clip_id)
        # OpenPose and MMPose say nothing of a frame in which nothing was found.
        assert_same_points(as_stored(found, track.info), made_up.stored(number))
        if to in KEEPS_FRAME_NUMBERS:
            np.testing.assert_array_equal(found.frame_index, track.frame_index)
    with (tmp_path / "out" / "clips.csv").open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(made_up)
    assert rows["book/1"]["signer"] == "Ann"
    assert rows["tea/4"]["width"] == "1920"


@pytest.mark.parametrize(
    ("estimator", "known_as"), [("mediapipe", "holistic"), ("mmpose", "coco_wholebody_133")]
)
def test_pose_format_reads_and_recognizes_every_file(made_up, write, tmp_path, estimator, known_as):
    pose_format = pytest.importorskip("pose_format")
    from pose_format.utils.generic import detect_known_pose_format, pose_normalization_info

    identity = made_up.provenance.estimator.model_copy(update={"name": estimator})
    tracks = write(*made_up.values(), name="named.h5", estimator=identity)
    export(tracks, "pose", tmp_path / "out")
    for clip_id, track in tracks.items():
        pose = pose_format.Pose.read((tmp_path / "out" / f"{clip_id}.pose").read_bytes())
        assert detect_known_pose_format(pose) == known_as
        np.testing.assert_array_equal(pose.body.confidence[:, 0], track.confidence)
        np.testing.assert_array_equal(pose.body.data[:, 0].filled(np.nan), track.keypoints)
        assert (pose.header.dimensions.width, pose.header.dimensions.height) == (
            track.info.width,
            track.info.height,
        )
        assert pose.body.fps == pytest.approx(12.5 if clip_id == "x/1" else 25)
        shoulders = pose_normalization_info(pose.header)
        assert {shoulders.p1, shoulders.p2} == {
            KEYPOINT_NAMES.index("left_shoulder"),
            KEYPOINT_NAMES.index("right_shoulder"),
        }


BODY_IN_OPENPOSE = {"Nose": "nose"} | {
    f"{side[0].upper()}{part}": f"{side}_{part.lower()}"
    for side in ("left", "right")
    for part in ("Shoulder", "Elbow", "Wrist")
}
# OpenPose's hands are numbered as ours are: the wrist, then four points a finger from its root.
HAND_IN_OPENPOSE = [
    "wrist",
    *(f"{finger}_{n}" for finger in ("thumb", "index", "middle", "ring", "little") for n in range(1, 5)),
]


@pytest.mark.parametrize("source", ["real", "made_up"])
def test_pose_format_reads_openpose(source, request, tmp_path):
    pytest.importorskip("pose_format")
    from pose_format.utils.openpose import load_openpose_directory

    tracks = request.getfixturevalue(source)
    export(tracks, "openpose", tmp_path / "out")
    for clip_id, track in tracks.items():
        folder = str(tmp_path / "out" / clip_id)
        pose = load_openpose_directory(folder, fps=25, width=track.info.width, height=track.info.height)
        first_of = {
            part.name: pose.header.get_point_index(part.name, part.points[0])
            for part in pose.header.components
        }
        theirs = [pose.header.get_point_index("pose_keypoints_2d", name) for name in BODY_IN_OPENPOSE]
        ours = [KEYPOINT_NAMES.index(name) for name in BODY_IN_OPENPOSE.values()]
        for side in ("left", "right"):
            theirs += [first_of[f"hand_{side}_keypoints_2d"] + number for number in range(21)]
            ours += [KEYPOINT_NAMES.index(f"{side}_hand_{name}") for name in HAND_IN_OPENPOSE]
        assert sorted(ours) == list(range(49))
        points = pose.body.data[track.frame_index, 0].filled(np.nan)
        sure = pose.body.confidence[track.frame_index, 0]
        np.testing.assert_allclose(sure[:, theirs], track.confidence[:, ours], rtol=0, atol=0.6e-4)
        np.testing.assert_allclose(points[:, theirs], track.keypoints[:, ours], rtol=0, atol=1e-3)
        assert pose.body.data.shape[1] == 1, "one person"
        others = np.delete(pose.body.confidence[:, 0], theirs, axis=1)
        assert not others.any(), "legs, face and neck are not known"


@pytest.mark.parametrize("source", ["real", "made_up"])
def test_pose_format_reads_what_mmposes_inferencer_would_have_written(source, request, tmp_path, monkeypatch):
    """Its converter takes the predictions of each frame from MMPose's inferencer, here from our files."""
    pytest.importorskip("pose_format")

    def inferencer(*_, **__):
        return lambda path, **_: (
            {"predictions": [frame["instances"]]} for frame in json.loads(Path(path).read_text())
        )

    for name in ("mmpose", "mmpose.apis"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(MMPoseInferencer=inferencer))
    from pose_format.utils import mmposewholebody as whole

    monkeypatch.setattr(whole, "MMPoseInferencer", inferencer)
    tracks = request.getfixturevalue(source)
    export(tracks, "mmpose", tmp_path / "out")
    for clip_id, track in tracks.items():
        pose = whole.estimate_mmpose_wholebody(str(tmp_path / "out" / f"{clip_id}.json"), fps=25)
        sure = pose.body.confidence[:, 0]
        found = pose.body.data[:, 0].filled(np.nan)
        known = track.confidence > 0
        np.testing.assert_allclose(sure[:, COCO_WHOLEBODY_INDICES], track.confidence, rtol=0, atol=0.6e-4)
        np.testing.assert_allclose(
            found[:, COCO_WHOLEBODY_INDICES][known], track.keypoints[known], rtol=0, atol=1e-3
        )
        assert not np.delete(sure, COCO_WHOLEBODY_INDICES, axis=1).any()


def test_mmpose_json_and_masa_pickles_say_what_the_originals_say(real, shared_data, tmp_path):
    for to in ("mmpose", "masa-pickle"):
        export(real, to, tmp_path / to)
    original = json.loads((shared_data / "video_mmpose_pair/SOUP.mmpose133.json").read_text())
    written = json.loads((tmp_path / "mmpose/SOUP.json").read_text())
    assert [frame["frame_id"] for frame in written] == [frame["frame_id"] for frame in original]
    assert set(written[0]["instances"][0]) == set(original[0]["instances"][0])
    content = pickle.loads((tmp_path / "masa-pickle/SOUP.pkl").read_bytes())
    for number, (mine, theirs) in enumerate(zip(written, original, strict=True)):
        expected = np.array(theirs["instances"][0]["keypoints"])[COCO_WHOLEBODY_INDICES]
        found = np.array(mine["instances"][0]["keypoints"])
        np.testing.assert_allclose(found[COCO_WHOLEBODY_INDICES], expected, atol=320 / 43690 + 1e-4)
        assert not found[17:91].any()
        np.testing.assert_allclose(content["keypoints"][number, :, :2], found, atol=1e-4)
    assert len(content["img_list"]) == len(original)


@pytest.mark.parametrize(
    "clip_id", ["../outside", "/etc/passwd", "a/../../b", "a//b", "..", "clips.csv", "a" * 300]
)
@pytest.mark.parametrize("to", READERS)
def test_an_id_never_leads_out_of_the_folder(write, tmp_path, to, clip_id):
    (tmp_path / "below").mkdir()
    done = export(write(make_track(clip_id), make_track("good")), to, tmp_path / "below" / "out")
    assert [problem.clip for problem in done.problems] == [clip_id]
    assert done.clips == 1
    found = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"in.h5", "below"}
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["out"]


def test_a_folder_with_anything_in_it_is_not_touched(made_up, tmp_path):
    (tmp_path / "out").mkdir()
    export(made_up, "pose", tmp_path / "out")  # an empty one is taken
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(DataError, match="already exists"):
        export(made_up, "pose", tmp_path / "out", overwrite=True)
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_what_cannot_be_written_leaves_nothing(write, tmp_path):
    with pytest.raises(DataError, match="no clip could be exported"):
        export(write(make_track("..")), "pose", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_pose_says_what_it_cannot_hold(write, tmp_path):
    track = make_track("a", 5)
    index = np.array([0, 1, 3, 4, 7], np.int32)
    uneven = PoseTrack(track.info, track.keypoints, track.confidence, index, track.time, track.box)
    done = export(write(uneven, make_track("b", fps=float("nan"))), "pose", tmp_path / "out")
    assert done.lost[0] == "frame numbers, times and boxes"
    assert "1 clip keeps frames at uneven steps" in done.lost[1]
    assert "1 clip has no frame rate" in done.lost[2]
    assert done.lost[3].endswith("clips.csv")

"""load_* and save_*: tracks to others' files and back, against what NumPy, pandas and json read there."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

import masa_data
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from tests.conftest import assert_same_track, make_track
from tests.made_signer import clip, signing

SIGNS = [
    clip(signing(20, seed=seed), f"{gloss}/{seed}", gloss=gloss, corpus="made", split="train")
    for seed, gloss in enumerate(("book", "tea", "book"))
]


def close(found, expected, pixels=1e-3):
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=pixels)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)
    np.testing.assert_array_equal(found.frame_index, expected.frame_index)


FOLDERS = {
    "pose": (masa_data.save_pose, masa_data.load_pose, "book/0.pose", {}),
    "openpose": (masa_data.save_openpose, masa_data.load_openpose, "book/0", {"size": (640, 480), "fps": 25}),
    "mmpose": (masa_data.save_mmpose, masa_data.load_mmpose, "book/0.json", {"size": (640, 480), "fps": 25}),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_clip_a_file_comes_back(tmp_path, name):
    save, load, file, options = FOLDERS[name]
    lost = save(SIGNS, tmp_path / "out")
    assert lost[0]
    track = load(tmp_path / "out" / file, **options)
    assert isinstance(track, masa_data.PoseTrack)
    close(track, SIGNS[0])
    assert (track.info.width, track.info.height, track.info.fps) == (640, 480, 25)
    assert track.estimator is not None
    assert load(tmp_path / "out" / file, **options, estimator="mediapipe").estimator.name == "mediapipe"


def test_one_track_is_saved_as_json_reads_it(tmp_path):
    masa_data.save_mmpose(SIGNS[1], tmp_path / "out")
    frames = json.loads((tmp_path / "out" / "tea" / "1.json").read_text())
    points = np.array([frame["instances"][0]["keypoints"] for frame in frames])
    np.testing.assert_allclose(points[:, COCO_WHOLEBODY_INDICES], SIGNS[1].keypoints, atol=1e-3)


def test_masa_pickles_are_lists_of_clips(tmp_path):
    masa_data.save_masa_pickle(SIGNS, tmp_path / "out")
    content = pickle.loads((tmp_path / "out" / "tea" / "1.pkl").read_bytes())
    np.testing.assert_allclose(content["keypoints"][:, COCO_WHOLEBODY_INDICES, :2], SIGNS[1].keypoints)
    (track,) = masa_data.load_masa_pickle(tmp_path / "out" / "tea" / "1.pkl", size=(640, 480), fps=25)
    close(track, SIGNS[1])
    both = {name: {"keypoints": content["keypoints"]} for name in ("a/1", "b/2")}
    (tmp_path / "both.pkl").write_bytes(pickle.dumps(both))
    tracks = masa_data.load_masa_pickle(tmp_path / "both.pkl", size=(640, 480), fps=25)
    assert [(track.info.id, track.info.gloss) for track in tracks] == [("a/1", "a"), ("b/2", "b")]


def test_files_of_many_clips_come_back(tmp_path):
    pytest.importorskip("pyarrow")
    for save, load, name in (
        (masa_data.save_npz, masa_data.load_npz, "a.npz"),
        (masa_data.save_pyskl, masa_data.load_pyskl, "a.pkl"),
        (masa_data.save_parquet, masa_data.load_parquet, "a.parquet"),
    ):
        assert save(SIGNS, tmp_path / name)
        tracks = load(tmp_path / name)
        assert [track.info.id for track in tracks] == [track.info.id for track in SIGNS]
        for track, expected in zip(tracks, SIGNS, strict=True):
            close(track, expected)
            assert track.info.gloss == expected.info.gloss
        with pytest.raises(masa_data.ExistsError, match="give overwrite=True"):
            save(SIGNS, tmp_path / name)
        save(SIGNS[:1], tmp_path / name, overwrite=True)
        assert len(load(tmp_path / name)) == 1
    columns = np.load(tmp_path / "a.npz")
    np.testing.assert_allclose(columns["kp49"][..., :2] * (640, 480), SIGNS[0].keypoints, rtol=1e-5)


def test_a_table_is_what_pandas_reads(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    masa_data.save_parquet(SIGNS, tmp_path / "a.parquet")
    table = pandas.read_parquet(tmp_path / "a.parquet")
    assert table.groupby("gloss", observed=True).size().to_dict() == {"book": 40, "tea": 20}
    expected = np.concatenate([track.keypoints[:, 0, 0] for track in SIGNS])
    np.testing.assert_array_equal(table["nose_x"], expected)


def test_files_of_ours_are_written_from_tracks_and_datasets(tmp_path):
    masa_data.save(SIGNS, tmp_path / "a.h5", estimator="mediapipe")
    with masa_data.open(tmp_path / "a.h5") as tracks:
        assert list(tracks) == ["book/0", "tea/1", "book/2"]
        for track in SIGNS:
            assert_same_track(tracks[track.info.id], replace(track, info=tracks[track.info.id].info))
        assert tracks.column("label").tolist() == [0, 1, 0]
        assert tracks.provenance.estimator.name == "mediapipe"
        assert tracks.provenance.estimator.declared
        masa_data.save(tracks, tmp_path / "b.h5")
        masa_data.save(masa_data.open([tmp_path / "a.h5"])[1:], tmp_path / "c.h5")
        masa_data.save(tracks["tea/1"][5:9], tmp_path / "d.h5")
        assert masa_data.save_pose(tracks, tmp_path / "poses")
    with masa_data.open(tmp_path / "b.h5") as again, masa_data.open(tmp_path / "a.h5") as first:
        assert again == first
        assert again.fingerprint == first.fingerprint
    assert list(masa_data.open(tmp_path / "c.h5")) == ["tea/1", "book/2"]
    assert masa_data.open(tmp_path / "d.h5")["tea/1"].frame_index.tolist() == [5, 6, 7, 8]


def of(track, name):
    identity = EstimatorIdentity(name=name, version="1", settings={}, weights_sha256="", confidence="")
    return replace(track, estimator=identity)


@pytest.mark.parametrize(
    ("tracks", "options", "kind", "message"),
    [
        ([], {"estimator": "mmpose"}, masa_data.NoClipsError, "found no track to write"),
        (SIGNS, {}, masa_data.DataError, "does not contain its estimator.*for example estimator='mediapipe'"),
        (
            [of(SIGNS[0], "a"), of(SIGNS[1], "b")],
            {},
            masa_data.MismatchError,
            "name: a / b.*one with estimator",
        ),
        (SIGNS[:1] * 2, {"estimator": "mmpose"}, masa_data.DataError, "found clip 'book/0' again"),
        (
            clip(signing(20) / (640, 480), "small"),
            {"estimator": "mmpose"},
            masa_data.DataError,
            "clip 'small': the keypoints span .*shares of the frame",
        ),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_written(tmp_path, tracks, options, kind, message):
    with pytest.raises(kind, match=message):
        masa_data.save(tracks, tmp_path / "a.h5", **options)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "a.h5").write_text("mine")
    with pytest.raises(masa_data.ExistsError, match=r"already exists.*overwrite=True"):
        masa_data.save(SIGNS, tmp_path / "a.h5", estimator="mmpose")
    assert (tmp_path / "a.h5").read_text() == "mine"
    with pytest.raises(masa_data.DataError, match=r"ends in \.h5"):
        masa_data.save(SIGNS, tmp_path / "a.txt", estimator="mmpose")


def test_others_files_are_checked_as_the_command_checks_them(tmp_path):
    small = clip(signing(20) / (640, 480), "small")
    masa_data.save_pose([small, SIGNS[0]], tmp_path / "out")
    with pytest.raises(
        masa_data.DataError,
        match=r"small\.pose: .*probably shares of the frame \(units='shares'\)\. Give units=",
    ):
        masa_data.load_pose(tmp_path / "out" / "small.pose")
    track = masa_data.load_pose(tmp_path / "out" / "small.pose", units="shares")
    close(track, clip(signing(20)), pixels=0.01)
    masa_data.save_pose(SIGNS, tmp_path / "three")
    with pytest.raises(masa_data.DataError, match=r"found 3 clips in .*expected one"):
        masa_data.load_pose(tmp_path / "three")
    with pytest.raises(masa_data.DataError, match=r"nowhere does not exist"):
        masa_data.load_pose(tmp_path / "nowhere")
    masa_data.save_mmpose(SIGNS[0], tmp_path / "json")
    with pytest.raises(masa_data.DataError, match=r"found size to give them\. Give size and fps together"):
        masa_data.load_mmpose(tmp_path / "json" / "book" / "0.json", size=(640, 480))


def test_what_is_odd_about_a_clip_is_a_warning(tmp_path):
    points = np.concatenate([signing(4), np.full((4, 49, 1), 3.0)], axis=2)
    whole = np.zeros((4, 133, 3))
    whole[:, COCO_WHOLEBODY_INDICES] = points
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"keypoints": whole}))
    with pytest.warns(UserWarning, match=r"scores reach 3\.00 and are clipped to 1"):
        (track,) = masa_data.load_masa_pickle(tmp_path / "a.pkl", size=(640, 480), fps=25)
    assert track.confidence.max() == 1


def test_an_id_that_is_no_path_is_refused_whole(tmp_path):
    with pytest.raises(masa_data.DataError, match=r"clip '\.\./a': found the clip id"):
        masa_data.save_pose([SIGNS[0], make_track("../a")], tmp_path / "out")
    assert not list(tmp_path.iterdir())

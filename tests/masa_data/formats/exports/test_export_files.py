"""One file for all clips: what pickle, NumPy and pandas find in it, and what comes back."""

import math
import pickle

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.formats.export import export
from masa_data.formats.frame_facts import AssumedFrames
from masa_data.formats.npz.reading import NpzClips
from masa_data.formats.parquet.reading import ParquetClips
from masa_data.formats.pyskl.reading import PysklFiles
from masa_data.formats.wholebody import WholeBodyImport
from masa_data.shards.quantize import quantize
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from tests.conftest import assert_same_track, make_track
from tests.masa_data.formats.conftest import assert_same_points


def read_like_pyskl(path, split):
    """The steps by which pyskl's PoseDataset and MMAction2's take a file: Python's own pickle, by split."""
    content = pickle.loads(path.read_bytes())
    wanted = set(content["split"][split])
    return [row for row in content["annotations"] if row["frame_dir"] in wanted]


def test_pyskl_finds_each_split_and_the_shapes_it_needs(made_up, tmp_path):
    done = export(made_up, "pyskl", tmp_path / "a.pkl")
    for split, ids in (("train", ["book/1"]), ("val", ["tea/4"]), ("test", ["book/zwölf 12"])):
        rows = read_like_pyskl(tmp_path / "a.pkl", split)
        assert [row["frame_dir"] for row in rows] == ids
        for row in rows:
            track = made_up[row["frame_dir"]]
            assert row["label"] == track.info.label
            assert row["img_shape"] == row["original_shape"] == (track.info.height, track.info.width)
            assert row["total_frames"] == len(track)
            assert row["keypoint"].shape == (1, len(track), 49, 2)
            assert row["keypoint_score"].shape == (1, len(track), 49)
            known = track.confidence > 0
            np.testing.assert_array_equal(row["keypoint"][0][known], track.keypoints[known])
            np.testing.assert_array_equal(row["keypoint_score"][0], track.confidence)
    assert "2 clips have no split" in done.lost[1]
    assert "1 clip has no class" in done.lost[2]
    assert "1 clip lacks frames of the source" in done.lost[3]


def test_pyskl_comes_back_to_the_bit(real, made_up, tmp_path):
    for tracks in (real, made_up):
        export(tracks, "pyskl", tmp_path / "a.pkl", overwrite=True)
        files = PysklFiles(math.nan)
        listing = files.list_clips(tmp_path / "a.pkl", "folder")
        importer = WholeBodyImport(files.read, None, "pyskl-import")
        assert [clip.id for clip in listing.clips] == list(tracks)
        for number, clip in enumerate(listing.clips):
            track, _ = importer.track(clip)
            assert_same_points(quantize(track), tracks.stored(number))
            info = tracks.info(number)
            assert (track.info.width, track.info.height) == (info.width, info.height)
            assert (track.info.label, track.info.split) == (info.label, info.split)


def test_pyskl_refuses_several_corpora(write, tmp_path):
    tracks = write(make_track("a", corpus="wlasl", label=0), make_track("b", corpus="msasl", label=0))
    with pytest.raises(DataError, match="corpora msasl, wlasl, expected one"):
        export(tracks, "pyskl", tmp_path / "a.pkl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_numpy_finds_all_clips(made_up, tmp_path):
    export(made_up, "npz", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as content:
        assert content["label"].tolist() == ["book", "book", "tea", "", "tea"]
        assert content["id"].tolist() == list(made_up)
        assert content["split"].tolist() == ["train", "test", "", "", "val"]
        offsets = content["offsets"]
        for number, track in enumerate(made_up.values()):
            rows = slice(offsets[number], offsets[number + 1])
            shares = np.nan_to_num(track.keypoints / (track.info.width, track.info.height))
            np.testing.assert_allclose(content["kp49"][rows, :, :2], shares, atol=1e-6)
            np.testing.assert_array_equal(content["kp49"][rows, :, 2], track.confidence)
            np.testing.assert_array_equal(content["frame_index"][rows], track.frame_index)


def test_a_real_npz_comes_back_as_it_was(shared_data, write, tmp_path):
    """Imported, exported and compared with the file it came from."""
    path = shared_data / "keypoints_signs/keypoints_signs_1.npz"
    with NpzClips(path, "signs") as clips:
        tracks = [
            outcome.track
            for outcome, _ in zip(clips.tracks(AssumedFrames(640, 480, 30)), range(300), strict=False)
        ]
    export(write(*tracks), "npz", tmp_path / "back.npz")
    with np.load(path) as before, np.load(tmp_path / "back.npz") as after:
        frames = after["offsets"][-1]
        np.testing.assert_array_equal(after["offsets"], before["offsets"][:301])
        for name in ("label", "split"):
            np.testing.assert_array_equal(after[name], before[name][:300])
        expected = before["kp49"][:frames]
        missing = expected[..., 2] == 0
        assert not after["kp49"][missing].any()
        # A step is a 21845th of the longer side; y is a share of the shorter one.
        np.testing.assert_allclose(after["kp49"][~missing], expected[~missing], atol=0.5 / 255 + 1e-6)
        np.testing.assert_allclose(
            after["kp49"][..., :2][~missing], expected[..., :2][~missing], atol=640 / 480 / 43690 + 1e-6
        )
    with NpzClips(tmp_path / "back.npz", "signs") as clips:
        again = [outcome.track for outcome in clips.tracks(AssumedFrames(640, 480, 30))]
    for mine, theirs in zip(again, tracks, strict=True):
        assert_same_points(quantize(mine), quantize(theirs))


def test_pandas_finds_a_row_a_frame(made_up, tmp_path):
    pandas = pytest.importorskip("pandas")
    export(made_up, "parquet", tmp_path / "a.parquet")
    table = pandas.read_parquet(tmp_path / "a.parquet")
    assert len(table) == made_up.frames
    assert table.groupby("id", observed=True, sort=False).size().to_dict() == {
        clip_id: len(track) for clip_id, track in made_up.items()
    }
    for clip_id, track in made_up.items():
        rows = table[table.id == clip_id]
        for place, name in enumerate(KEYPOINT_NAMES):
            np.testing.assert_array_equal(rows[[f"{name}_x", f"{name}_y"]], track.keypoints[:, place])
            np.testing.assert_array_equal(rows[f"{name}_confidence"], track.confidence[:, place])
        np.testing.assert_array_equal(rows.frame_index, track.frame_index)
        assert set(rows.gloss) == {track.info.gloss}
        assert set(rows.label) == {track.info.label}


@pytest.mark.parametrize("source", ["real", "made_up"])
def test_parquet_comes_back_whole(source, request, tmp_path):
    pytest.importorskip("pyarrow")
    tracks = request.getfixturevalue(source)
    export(tracks, "parquet", tmp_path / "a.parquet")
    with ParquetClips(tmp_path / "a.parquet") as clips:
        outcomes = list(clips.tracks("folder"))
        assert clips.provenance.differences(tracks.provenance) == []
    assert [outcome.problems for outcome in outcomes] == [()] * len(tracks)
    for number, outcome in enumerate(outcomes):
        found, expected = quantize(outcome.track), tracks.stored(number)
        assert_same_points(found, expected)
        np.testing.assert_array_equal(found.box, expected.box)
        if tracks.info(number).corpus:
            assert_same_track(outcome.track, tracks.track(number))


def test_a_table_that_pandas_changed_is_read(made_up, tmp_path):
    pandas = pytest.importorskip("pandas")
    export(made_up, "parquet", tmp_path / "a.parquet")
    table = pandas.read_parquet(tmp_path / "a.parquet")
    table = table[table.label >= 0].copy()
    table["gloss"] = table.gloss.astype(str).str.upper()
    table = table.drop(columns=["box_left", "time", "source_sha256", "fps"])
    table.to_parquet(tmp_path / "b.parquet", index=False)
    with ParquetClips(tmp_path / "b.parquet") as clips:
        found = [outcome.track for outcome in clips.tracks("mine")]
    assert [(track.info.id, track.info.gloss, track.info.corpus) for track in found] == [
        ("book/1", "BOOK", "mine"),
        ("book/zwölf 12", "BOOK", "mine"),
        ("tea/3", "TEA", "mine"),
        ("tea/4", "TEA", "mine"),
    ]
    np.testing.assert_array_equal(found[0].keypoints, made_up["book/1"].keypoints)


@pytest.mark.parametrize("to", ["pyskl", "npz", "parquet"])
def test_a_file_that_is_there_stays_unless_it_may_be_replaced(made_up, tmp_path, to):
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(DataError, match="already exists"):
        export(made_up, to, out)
    assert out.read_text() == "mine"
    export(made_up, to, out, overwrite=True)
    assert out.read_bytes()[:4] != b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.h5", "out"]


def test_an_id_that_is_no_path_is_no_matter_in_one_file(write, tmp_path):
    tracks = write(make_track("../a"))
    for to in ("pyskl", "npz", "parquet"):
        assert export(tracks, to, tmp_path / to).clips == 1

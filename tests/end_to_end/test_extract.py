"""masa-extract and masa-inspect as a user runs them."""

import json
import random
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from demo.footage import affine_path, write_clip
from masa_data import PoseShards
from masa_data.video.frames import Video


def test_keypoints_follow_a_known_path(tmp_path, run):
    maps = affine_path("across", 24)
    write_clip(tmp_path / "a.mp4", maps)
    run("masa-extract", tmp_path / "a.mp4", tmp_path / "out.h5")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        track = tracks["a"]
    shift = maps[:, 0, 2]
    shoulder_width = np.linalg.norm(track.keypoints[0, 1] - track.keypoints[0, 4])
    assert np.ptp(shift) == pytest.approx(80, abs=1)
    for keypoint in (0, 4):  # nose and right shoulder, which stay in the picture
        found = track.keypoints[:, keypoint, 0]
        assert np.corrcoef(found, shift)[0, 1] > 0.95
        # Back in the photograph's own pixels, a keypoint stands still.
        still = found - shift
        assert np.median(np.abs(still - np.median(still))) < 0.05 * shoulder_width


def test_splits_glosses_and_the_inspection(footage, tmp_path, run):
    out = tmp_path / "out.h5"
    done = run("masa-extract", footage, out, "--split-by", "random")
    assert "12 clips of 4 glosses" in done.stdout
    assert "Estimator: mediapipe 0.10.21 on cpu (as asked for" in done.stdout
    assert f"Next: masa-inspect {out}" in done.stdout
    assert list(tmp_path.iterdir()) == [out]
    facts = json.loads(run("masa-inspect", out, "--json").stdout)
    assert facts["clips"] == 12
    assert facts["splits"] == {"folder": {"train": 8, "val": 1, "test": 3}}
    assert facts["classes"] == {"folder": 4}
    assert facts["hands"]["left"] > 0.5
    assert facts["provenance"]["split_rule"] == {"by": "random", "seed": 0, "shares": [0.7, 0.1, 0.2]}
    assert "12 clips checked: 0 errors" in run("masa-inspect", out, "--validate").stdout
    with PoseShards.open(out) as tracks:
        assert tracks["zoom/02"].info.gloss == "zoom"


def test_more_clips_are_added_and_done_ones_are_skipped(footage, tmp_path, run):
    videos, out = tmp_path / "videos", tmp_path / "out.h5"
    shutil.copytree(footage / "nod", videos / "nod")
    run("masa-extract", videos, out)
    shutil.copytree(footage / "zoom", videos / "zoom")
    assert "3 clips are already done; continuing with 3" in run("masa-extract", videos, out).stdout
    with PoseShards.open(out) as tracks:
        assert len(tracks) == 6
    before = out.read_bytes()
    assert "clips skipped (done before)    6" in run("masa-extract", videos, out).stdout
    assert out.read_bytes() == before


def test_shards_hold_the_same_as_one_file(footage, tmp_path, run):
    run("masa-extract", footage / "nod", tmp_path / "one.h5")
    run("masa-extract", footage / "nod", tmp_path / "many.h5", "--shard-clips", 2, "--workers", 1)
    fingerprints = [
        json.loads(run("masa-inspect", tmp_path / name, "--json").stdout)["fingerprint"]
        for name in ("one.h5", "many.h5")
    ]
    assert fingerprints[0] == fingerprints[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "many-00000.h5",
        "many-00001.h5",
        "many.h5",
        "one.h5",
    ]


def test_bad_input_costs_one_line_each_and_the_rest_goes_through(footage, tmp_path, run):
    videos = tmp_path / "videos"
    videos.mkdir()
    good = (footage / "nod/00.mp4").read_bytes()
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "cut.mp4").write_bytes(good[: len(good) // 2])
    (videos / "text.mp4").write_text("this is not a video")
    (videos / "audio.mp4").write_bytes(b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(range(200)))
    (videos / "twice.mp4").write_bytes(good)
    (videos / "twice.mov").write_bytes(good)
    (videos / "with spaces, ünicode and a\nnewline.mp4").write_bytes(good)
    (videos / "loop").symlink_to(videos)
    (videos / "rows.csv").write_text("path,label\ntext.mp4,0\nmissing.mp4,1\n")
    (videos / "columns.csv").write_text("video,label\ntext.mp4,0\n")
    sizes = {"tiny.avi": (1, 1), "one frame.avi": (64, 48), "8k.avi": (7680, 4320)}
    for name, size in sizes.items():
        writer = cv2.VideoWriter(str(videos / name), cv2.VideoWriter.fourcc(*"MJPG"), 25, size)
        for _ in range(1 if name == "one frame.avi" else 3):
            writer.write(np.zeros((size[1], size[0], 3), np.uint8))
        writer.release()
    writer = cv2.VideoWriter(str(videos / "no frames.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    writer.release()
    out = tmp_path / "out.h5"
    done = run("masa-extract", videos, videos / "rows.csv", videos / "columns.csv", out, code=3)
    with PoseShards.open(out) as tracks:
        assert set(tracks) == {
            "8k",
            "one frame",
            "tiny",
            "twice",
            "with spaces, ünicode and a\nnewline",
        }
        assert not (tracks["tiny"].confidence > 0).any()
    lines = (tmp_path / "out.h5.failures.jsonl").read_text().splitlines()
    problems = {Path(problem["path"]).name: problem for problem in map(json.loads, lines)}
    expected = {
        "empty.mp4": "the file is empty",
        "cut.mp4": "bytes exist: the file is truncated",
        "text.mp4": "the file is text, not a video",
        "audio.mp4": "no video in it",
        "twice.mp4": "give the same clip id 'twice'",
        "no frames.avi": "frame",
        "missing.mp4": "does not exist",
        "columns.csv": "found the columns video, label, expected path",
    }
    assert dict.fromkeys(expected, True) == {
        name: expected[name] in problems[name]["reason"] and bool(problems[name]["advice"])
        for name in expected
    }
    assert f"{len(lines)} problems; see " in done.stdout


def test_a_corrupt_frame_in_the_middle_is_a_warning(shared_data, tmp_path, run):
    content = bytearray((shared_data / "video_mmpose_pair/FOOTBALL.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = random.Random(1).randbytes(300)
    (tmp_path / "FOOTBALL.mp4").write_bytes(content)
    run("masa-extract", tmp_path / "FOOTBALL.mp4", tmp_path / "out.h5")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert len(tracks["FOOTBALL"]) >= 60
    (problem,) = map(json.loads, (tmp_path / "out.h5.failures.jsonl").read_text().splitlines())
    assert problem["kind"] == "warning"
    assert "the decoder found damaged data" in problem["reason"]


def test_strict_stops_at_the_first_failure(footage, tmp_path, run):
    (tmp_path / "a.mp4").write_bytes(b"")
    done = run("masa-extract", tmp_path / "a.mp4", footage, tmp_path / "out.h5", "--strict", code=2)
    assert "the file is empty" in done.stderr
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["videos"], "expected INPUT... (or --corpus) and then an output file that ends in .h5"),
        (["videos", "out.txt"], "ends in .h5"),
        (["videos", "out.h5", "--workers", "0"], "Invalid value for '--workers'"),
        (["videos", "out.h5", "--device", "cuda"], "runs on the CPU only"),
        (["videos", "out.h5", "--estimator", "openpose"], "Invalid value for '--estimator'"),
        (["videos", "out.h5", "--estimator", "mediapipe", "--seed", "3"], "has no effect without --split-by"),
        (
            ["videos", "out.h5", "--estimator", "mediapipe", "--videos", "raw"],
            "has no effect without --corpus",
        ),
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path, run, arguments, message):
    done = run("masa-extract", *arguments, code=2, cwd=tmp_path)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_existing_foreign_file_is_left_alone(footage, tmp_path, run):
    out = tmp_path / "thesis.h5"
    out.write_text("all my work")
    assert "not an HDF5 file" in run("masa-extract", footage, out, code=2).stderr
    assert out.read_text() == "all my work"


def test_a_folder_that_cannot_be_written_is_one_line(footage, run):
    done = run("masa-extract", footage, "/proc/out.h5", code=2)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_no_clip_at_all_writes_nothing(tmp_path, run):
    (tmp_path / "a.mp4").write_bytes(b"")
    done = run("masa-extract", tmp_path / "a.mp4", tmp_path / "out.h5", code=3)
    assert "was not written" in done.stdout
    assert not (tmp_path / "out.h5").exists()


def test_a_dry_run_writes_nothing(footage, tmp_path, run):
    done = run("masa-extract", footage, tmp_path / "out.h5", "--dry-run")
    assert "across/00" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_frames_are_thinned_and_limited(footage, tmp_path, run):
    run("masa-extract", footage, tmp_path / "out.h5", "--every", 3, "--limit", 2)
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert list(tracks) == ["across/00", "across/01"]
        assert tracks["across/00"].frame_index.tolist() == [0, 3, 6]


def test_overlays_show_the_skeleton_over_the_source(footage, tmp_path, run):
    out = tmp_path / "out.h5"
    run("masa-extract", footage / "nod/00.mp4", out)
    run("masa-inspect", out, "--clip", "00", "--overlay", tmp_path / "a.mp4")
    source, drawn = list(Video(footage / "nod/00.mp4")), list(Video(tmp_path / "a.mp4"))
    assert len(drawn) == len(source) == 8
    assert drawn[0].image.shape == source[0].image.shape
    run("masa-inspect", out, "--clip", "00", "--overlay", tmp_path / "a.png")
    sheet = cv2.imread(str(tmp_path / "a.png"))
    with PoseShards.open(out) as tracks:
        nose = tracks["00"].keypoints[0, 0] * 360 / 300
    tile = cv2.resize(source[0].image, (274, 360), interpolation=cv2.INTER_AREA)
    changed = np.abs(sheet[:360, :274].astype(int) - tile).max(axis=2) > 60
    x, y = nose.round().astype(int)
    assert changed[y - 3 : y + 4, x - 3 : x + 4].any()
    assert changed.mean() < 0.2
    done = run("masa-inspect", out, "--clip", "01", code=2)
    assert "Similar: 00" in done.stderr
    assert (
        "ends in .mp4, .webm, .gif or .png"
        in run("masa-inspect", out, "--clip", "00", "--overlay", "a.bmp", code=2).stderr
    )


def test_without_its_source_a_clip_is_drawn_on_a_plain_background(footage, tmp_path, run):
    shutil.copy(footage / "nod/00.mp4", tmp_path / "a.mp4")
    run("masa-extract", tmp_path / "a.mp4", tmp_path / "out.h5")
    (tmp_path / "a.mp4").unlink()
    done = run("masa-inspect", tmp_path / "out.h5", "--clip", "a", "--overlay", tmp_path / "a.png")
    assert "plain background" in done.stdout
    assert (cv2.imread(str(tmp_path / "a.png")) == [45, 40, 38]).all(axis=2).mean() > 0.8


def test_examples_in_the_help_can_be_read(run):
    for command in ("masa-extract", "masa-inspect"):
        text = run(command, "--help").stdout
        assert "Examples:" in text
        assert f"  {command} " in text

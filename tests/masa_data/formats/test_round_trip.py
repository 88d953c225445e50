"""Out and in again by the commands, for every format: what is known of each clip comes back."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from masa_cli import convert

from masa_data import PoseShards
from masa_data.errors import DataError
from masa_data.formats.frame_numbers import parse_frames, written_frames
from masa_data.tracks.track import PoseTrack
from tests.conftest import make_track

FOLDERS = ("pose", "openpose", "mmpose", "masa-pickle")
FORMATS = (*FOLDERS, "pyskl", "npz", "parquet")
# pyskl's files hold one corpus; so each format is given one.
FACTS = {"corpus": "mine", "gloss": "tea", "label": 7, "signer": "Zoë", "source_sha256": "0" * 64}


def call(*arguments, code=0):
    result = CliRunner().invoke(convert.main, list(map(str, arguments)))
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def at(track, index):
    index = np.array(index, np.int32)
    time = (index / track.info.fps).astype(np.float32)
    return PoseTrack(track.info, track.keypoints, track.confidence, index, time, track.box)


@pytest.fixture
def clips(write):
    """Sizes, rates and frame numbers of every kind."""
    return write(
        at(make_track("train/a", 5, fps=29.97, split="train", **FACTS), range(5)),
        at(
            make_track("b", 4, fps=50.0, width=1080, height=1920, start=10, end=40, **FACTS), [12, 14, 16, 18]
        ),
        at(make_track("c", 4, fps=12.5, width=320, height=240, end=60, split="val", **FACTS), [0, 1, 7, 59]),
        make_track(
            "d", 1, fps=25.0, several_people=True, **(FACTS | {"signer": "", "gloss": "", "label": 3})
        ),
    )


def exported(clips, to, tmp_path):
    out = tmp_path / f"exported.{to}"
    call("export", clips.path, out, "--to", to)
    return out


@pytest.mark.parametrize("to", FORMATS)
def test_all_that_is_known_of_a_clip_comes_back(clips, tmp_path, to):
    call(to, exported(clips, to, tmp_path), tmp_path / "back.h5")
    with PoseShards.open(tmp_path / "back.h5") as back:
        assert sorted(back) == sorted(clips)
        for clip_id, track in clips.items():
            found = back[clip_id]
            assert asdict(found.info) == asdict(track.info)
            np.testing.assert_array_equal(found.frame_index, track.frame_index)
            np.testing.assert_allclose(found.time, track.time, rtol=1e-6)
            np.testing.assert_array_equal(found.confidence, track.confidence)
            np.testing.assert_allclose(found.keypoints, track.keypoints, atol=1e-2, rtol=0)


@pytest.mark.parametrize("to", FOLDERS)
def test_a_rate_that_is_not_known_stays_so_and_lists_without_frame_numbers_are_read(write, tmp_path, to):
    clip = make_track("a", 4, fps=float("nan"), split="test", **FACTS)
    out = exported(write(replace(clip, time=clip.time * np.nan)), to, tmp_path)
    lines = (out / "clips.csv").read_text(encoding="utf-8").splitlines()
    earlier = [line.rpartition(",")[0] for line in lines]  # as the first exports wrote it
    (out / "clips.csv").write_text("\n".join(earlier), encoding="utf-8")
    if to == "pose":  # its own header says 0 frames a second, and is not asked
        assert b"\0\0\0\0" in (out / "a.pose").read_bytes()
    call(to, out, tmp_path / "back.h5")
    with PoseShards.open(tmp_path / "back.h5") as back:
        np.testing.assert_equal(asdict(back["a"].info), asdict(clip.info))


@pytest.mark.parametrize(
    ("to", "options", "reason"),
    [
        ("mmpose", ("--size", "360x640", "--fps", 25), "found frames of 640×360 pixels in clips.csv"),
        ("openpose", ("--size", "640x360", "--fps", 30), "found 25 frames/s in clips.csv"),
        ("masa-pickle", ("--size", "64x36", "--fps", 25), "expected the 64×36 of --size"),
        ("pyskl", ("--fps", 24), "found 25 frames/s in the file"),
        ("npz", ("--size", "640x480", "--fps", 25), "expected the 640×480 of --size"),
        ("pose", ("--swap-size",), "found frames of 360×640 pixels in the file"),
    ],
)
def test_options_that_contradict_what_is_known_are_refused(write, tmp_path, to, options, reason):
    out = exported(write(make_track("a", 4, **FACTS)), to, tmp_path)
    call(to, out, tmp_path / "back.h5", *options, code=3)
    problem = json.loads((tmp_path / "back.h5.failures.jsonl").read_text())
    assert reason in problem["reason"]
    assert "out" in problem["advice"]  # leave it out
    said = {"mmpose": ("--size", "640x360", "--fps", "25.0"), "pyskl": ("--fps", 25)}.get(to, ())
    call(to, out, tmp_path / "back.h5", *said)


def test_a_video_beside_a_list_gives_its_hash_and_must_be_of_its_size(write, shared_data, tmp_path):
    pair = shared_data / "video_mmpose_pair"
    for name, code in (("FOOTBALL", 0), ("SOUP", 3)):  # 640×360, 320×240
        folder = tmp_path / name
        folder.mkdir()
        out = exported(write(make_track(name, 4, **FACTS), name=f"{name}.h5"), "mmpose", folder)
        call("mmpose", out, folder / "back.h5", "--videos", pair, code=code)
    with PoseShards.open(tmp_path / "FOOTBALL/back.h5") as back:
        info = back["FOOTBALL"].info
    assert info.path == str(pair / "FOOTBALL.mp4")
    assert info.source_sha256 != FACTS["source_sha256"]
    assert (info.signer, info.fps) == ("Zoë", pytest.approx(29.97, abs=0.01))


def test_a_list_of_other_frames_is_told(write, tmp_path):
    out = exported(write(make_track("a", 4)), "masa-pickle", tmp_path)
    path = Path(out / "clips.csv")
    path.write_text(path.read_text().replace("0..3", "0..4"))
    call("masa-pickle", out, tmp_path / "back.h5", code=3)
    assert (
        "found the frame numbers '0..4' of a clip of 4 frames"
        in (tmp_path / "back.h5.failures.jsonl").read_text()
    )


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([5], "5"),
        ([0, 1], "0,1"),
        ([0, 1, 2], "0..2"),
        ([3, 5, 7, 9, 20], "3..9/2,20"),
        ([0, 1, 7, 8, 9, 20, 40, 60], "0,1,7..9,20..60/20"),
    ],
)
def test_frame_numbers_as_text(numbers, text):
    assert written_frames(np.array(numbers)) == text
    assert parse_frames(text, len(numbers)).tolist() == numbers


def test_any_frame_numbers_come_back():
    rng = np.random.default_rng(0)
    for _ in range(200):
        index = np.cumsum(rng.integers(1, 4, rng.integers(1, 30)))
        np.testing.assert_array_equal(parse_frames(written_frames(index), len(index)), index)


@pytest.mark.parametrize("text", ["", "a", "3..1", "0..9/0", "0,0", "5,4", "0..999999999", "-1", "0...3"])
def test_other_text_is_no_frame_numbers(text):
    with pytest.raises(DataError, match="expected one number per frame, increasing"):
        parse_frames(text, 2)

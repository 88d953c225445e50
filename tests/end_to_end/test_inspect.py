"""Pictures and pages of masa-inspect, and masa-view, as a user runs them; videos read by another decoder."""

import importlib.util
import xml.etree.ElementTree as ElementTree

import av
import cv2
import numpy as np
import pytest

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from tests.made_signer import clip, signing


@pytest.fixture
def out(tmp_path, provenance):
    """Three clips whose videos are gone."""
    tracks = [
        clip(signing(seed=number), name, gloss=gloss, width=641, height=479)
        for number, (name, gloss) in enumerate((("a", "tea"), ("b", "book"), ("c", "tea")))
    ]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), 90)
    return tmp_path / "out.h5"


def test_another_player_reads_an_overlay_without_its_source(out, tmp_path, call):
    call("masa-inspect", out, "--clip", "b", "--overlay", tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        [stream] = container.streams.video
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
        assert float(stream.average_rate) == pytest.approx(25, rel=1e-3)
    assert len(frames) == 30
    assert frames[0].shape == (478, 640, 3)
    points = signing(seed=1)
    for number in (0, 15, 29):
        ground = np.abs(frames[number].astype(int) - [45, 40, 38]).max(axis=2) < 25
        assert ground.mean() > 0.9
        for joint in (0, 3, 6):  # nose and wrists, where they are in this frame
            x, y = points[number, joint].round().astype(int)
            assert not ground[y - 2 : y + 3, x - 2 : x + 3].all()


def captions(path):
    return [text.text for text in ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")]


def test_sheets_of_a_clip_of_several_and_of_all_glosses(out, tmp_path, call):
    sheet = tmp_path / "s.svg"
    assert call("masa-inspect", out, "--sheet", sheet, "--clip", "c").stdout == f"Wrote {sheet}: c\n"
    assert captions(sheet)[:2] == ["0.00 s", "0.16 s"]
    call("masa-inspect", out, "--sheet", sheet, "--clip", "c", "--clip", "a", "--clip", "b")
    assert captions(sheet) == ["tea", "tea", "book"]
    assert "2 clips" in call("masa-inspect", out, "--sheet", sheet).stdout
    assert captions(sheet) == ["tea", "book"]
    call("masa-inspect", out, "--sheet", tmp_path / "s.png")
    assert cv2.imread(str(tmp_path / "s.png")).shape == (400, 720, 3)


def test_wrong_uses_say_what_to_do(out, tmp_path, call):
    many = ("--clip", "a", "--clip", "b")
    assert "Only --sheet takes several" in call("masa-inspect", out, *many, code=2).stderr
    ending = call("masa-inspect", out, "--sheet", tmp_path / "s.jpg", code=2).stderr
    assert ".png or .svg" in ending
    assert (
        "Similar: a"
        in call("masa-inspect", out, "--sheet", tmp_path / "s.png", "--clip", "aa", code=2).stderr
    )
    folder = call("masa-inspect", out, "--html", out / "below-a-file.html", code=2).stderr
    assert folder.count("\n") == 1


HAS_RERUN = importlib.util.find_spec("rerun") is not None


@pytest.mark.skipif(HAS_RERUN, reason="rerun-sdk is installed")
def test_without_rerun_masa_view_says_how_to_install_it(out, call):
    assert "pip install 'masa-slr[view]'" in call("masa-view", out, code=2).stderr


@pytest.mark.skipif(not HAS_RERUN, reason="rerun-sdk (0.7 GB) is not installed: pip install '.[view]'")
def test_masa_view_saves_a_recording(out, tmp_path, call, monkeypatch):
    target = tmp_path / "deep" / "b.rrd"
    done = call("masa-view", out, "--clip", "b", "--save", target)
    assert "b.mp4 was not found; showing only the skeleton" in done.stdout
    assert target.stat().st_size > 10_000
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "Use --save clip.rrd" in call("masa-view", out, code=2).stderr
    assert "Similar: b" in call("masa-view", out, "--clip", "bb", "--save", target, code=2).stderr

"""Drawings of tracks, read back as XML: what is on the page is what is in the arrays."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from masa_data import DataError
from masa_data.tracks.skeleton import LIMBS
from masa_data.tracks.svg import COLORS
from tests.conftest import make_track
from tests.made_signer import clip, signing

SVG = "{http://www.w3.org/2000/svg}"


def points_of(d: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d)]


def dots(group: ElementTree.Element) -> set[tuple[float, float]]:
    return {
        point
        for path in group.iter(f"{SVG}path")
        for point in points_of(path.get("d"))
        if "h0" in path.get("d")
    }


def bones(group: ElementTree.Element) -> list[tuple[tuple[float, float], ...]]:
    found = []
    for path in group.iter(f"{SVG}path"):
        found += re.findall(r"M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)", path.get("d"))
    return [tuple(map(float, one)) for one in found]


def test_every_keypoint_that_was_found_is_drawn_and_no_other():
    missing = np.zeros((30, 49), bool)
    missing[:, [0, 10, 48]] = True
    track = clip(signing(), missing=missing)
    root = ElementTree.fromstring(track.plot(frames=3).svg)
    frames = root.findall(f".//{SVG}g[@transform]")
    assert len(frames) == 3
    _, _, width, height = map(float, root.get("viewBox").split())
    for frame, number in zip(frames, (0, 14, 29), strict=True):
        expected = track.keypoints[number][~missing[number]]
        expected = np.unique(expected, axis=0)  # the wrist of a hand lies on the wrist of its arm
        drawn = np.array(sorted(dots(frame)))
        assert len(drawn) == len(expected)
        # The picture is the track, moved and scaled alike in both directions.
        order = np.lexsort(drawn.T), np.lexsort(expected.T)
        scale = np.ptp(drawn, axis=0) / np.ptp(expected, axis=0)
        assert scale[0] == pytest.approx(scale[1], rel=0.02)
        np.testing.assert_allclose(
            drawn[order[0]] - drawn.mean(axis=0),
            (expected[order[1]] - expected.mean(axis=0)) * scale[0],
            atol=0.6,
        )
        there = ~missing[number]
        assert len(bones(frame)) == sum(there[a] and there[b] for a, b in LIMBS)
        assert (drawn > 0).all()
        assert (drawn < (width / 3, height)).all()


def test_the_two_hands_have_colors_of_their_own():
    root = ElementTree.fromstring(clip(signing()).plot(frames=1).svg)
    by_color = {path.get("stroke"): points_of(path.get("d")) for path in root.iter(f"{SVG}path")}
    assert set(by_color) == set(COLORS.values())
    left, right = (np.mean(by_color[COLORS[name]], axis=0) for name in ("left hand", "right hand"))
    assert left[0] > right[0]  # the signer's left is on the right of the picture


def test_an_animation_shows_every_frame_at_its_time_and_is_small():
    track = make_track("clip", 60)
    track = replace(track, time=(np.arange(60) ** 1.1 / 25).astype(np.float32))
    text = track.animate().svg
    assert len(text.encode()) < 300_000
    root = ElementTree.fromstring(text)
    animations = list(root.iter(f"{SVG}animate"))
    assert len(animations) == 6
    steps = np.diff(track.time.astype(float))
    for animation in animations:
        frames = animation.get("values").split(";")
        starts = np.array(animation.get("keyTimes").split(";"), float)
        assert len(frames) == len(starts) == 60
        assert starts[0] == 0
        assert (np.diff(starts) > 0).all()
        assert animation.get("repeatCount") == "indefinite"
        total = float(animation.get("dur").removesuffix("s"))
        assert total == pytest.approx(float(track.time[-1] - track.time[0]) + np.median(steps), abs=0.001)
        np.testing.assert_allclose(starts[1:] * total, np.cumsum(steps), atol=total * 1e-4)
    shown = sum(animation.get("values").count("h0") for animation in animations)
    assert shown == (track.confidence > 0).sum()


def test_a_clip_without_a_clock_and_one_of_a_single_frame_move_too():
    track = replace(make_track("images", 4), time=np.full(4, np.nan, np.float32))
    track = replace(track, info=replace(track.info, fps=float("nan")))
    assert 'dur="0.160s"' in track.animate().svg  # 25 frames a second
    assert 'dur="0.400s"' in replace(track, info=replace(track.info, fps=10.0)).animate().svg
    assert "<animate" not in make_track("one", 1).animate().svg
    assert "frame 3" in track.plot().svg


def test_texts_cannot_end_the_markup():
    evil = "<script>alert(1)</script>&\"'\x07"
    track = make_track("<b>&", gloss=evil)
    for text in (track.plot().svg, track.animate().svg):
        root = ElementTree.fromstring(text)
        assert root.find(f"{SVG}title").text.startswith(f"<b>& ({evil[:-1]}")
        assert not list(root.iter(f"{SVG}script"))
    shown = ElementTree.fromstring(track._repr_html_())
    assert not list(shown.iter("script"))
    assert evil[:-1] in "".join(shown.itertext())


def test_a_clip_in_which_nothing_was_found_is_an_empty_picture():
    track = clip(signing(4), missing=np.ones((4, 49), bool))
    root = ElementTree.fromstring(track.plot().svg)
    assert not list(root.iter(f"{SVG}path"))
    ElementTree.fromstring(track.animate().svg)


def test_a_drawing_is_saved_and_shown(tmp_path):
    drawing = make_track().plot(2)
    drawing.save(tmp_path / "new" / "clip.svg")
    assert (tmp_path / "new" / "clip.svg").read_text(encoding="utf-8") == str(drawing) == drawing._repr_svg_()
    with pytest.raises(DataError, match=r"'clip.png'\. Use a name that ends in .svg"):
        drawing.save(tmp_path / "clip.png")
    with pytest.raises(DataError, match="found 0 frames"):
        make_track().plot(0)

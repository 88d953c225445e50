"""Contact sheets: what is drawn where, in both formats."""

import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest

from masa_data.drawing.sheet import tiles_of_one, tiles_of_several, write_sheet
from masa_data.errors import DataError
from masa_data.tracks.skeleton import LIMBS
from tests.made_signer import clip, signing

SVG = "{http://www.w3.org/2000/svg}"


def test_frames_of_one_clip_share_their_square():
    points = signing(30)
    tiles = tiles_of_one(clip(points))
    assert [tile.caption for tile in tiles] == [f"{n / 25:.2f} s" for n in (0, 4, 8, 12, 17, 21, 25, 29)]
    for tile, frame in zip(tiles, (0, 4, 8, 12, 17, 21, 25, 29), strict=True):
        scale = (tile.points[1] - tile.points[4])[0] / 120
        np.testing.assert_allclose(
            tile.points - tiles[0].points, (points[frame] - points[0]) * scale, atol=1e-5
        )
        assert tile.points.min() > 0
        assert tile.points.max() < 1


def test_of_several_clips_the_frame_that_shows_most_is_taken():
    missing = np.zeros((30, 49), bool)
    missing[:20, 7:28] = True
    points = signing(30)
    [tile, other] = tiles_of_several([clip(points, "a", gloss="tea", missing=missing), clip(points, "b")])
    assert [tile.caption, other.caption] == ["tea", "b"]
    assert np.isfinite(tile.points).all()
    shape = tile.points - tile.points[0]
    np.testing.assert_allclose(shape / shape[1, 0], (points[20] - points[20, 0]) / 60, atol=1e-4)


def test_svg_has_every_limb_found_and_texts_as_they_are(tmp_path):
    missing = np.zeros((3, 49), bool)
    missing[:, 7:28] = True
    track = clip(signing(3), gloss='書 <b>&"\x01', missing=missing)
    write_sheet(tiles_of_several([track] * 9), tmp_path / "deep" / "a.svg")
    root = ElementTree.parse(tmp_path / "deep" / "a.svg").getroot()
    assert root.attrib["viewBox"] == "0 0 1440 400"  # eight in a row, then one
    drawn = sum(not (7 <= first < 28 or 7 <= second < 28) for first, second in LIMBS)
    assert len(root.findall(f".//{SVG}line")) == 9 * drawn
    assert len(root.findall(f".//{SVG}circle")) == 9 * 28
    assert {text.text for text in root.iter(f"{SVG}text")} == {'書 <b>&"?'}
    last = [float(x.attrib["cx"]) for x in root.findall(f".//{SVG}circle")][-28:]
    assert max(last) < 180


def test_png_shows_what_svg_shows(tmp_path):
    track = clip(signing(30), gloss="café 書")
    tiles = tiles_of_several([track] * 3)
    write_sheet(tiles, tmp_path / "a.png")
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape == (400, 3 * 360, 3)
    for place in range(3):
        for joint, color in ((0, (70, 70, 70)), (10, (0, 159, 230)), (32, (178, 114, 0))):
            x, y = (tiles[0].points[joint] * 360 + (place * 360, 0)).round().astype(int)
            np.testing.assert_allclose(image[y, x], color, atol=40)
    assert (image[0, 0] == 255).all()
    assert (image[365:400, 60:300] < 128).any()  # the caption


def test_a_clip_without_anybody_gives_an_empty_tile(tmp_path):
    nobody = clip(signing(2), missing=np.ones((2, 49), bool))
    for name in ("a.png", "a.svg"):
        write_sheet(tiles_of_one(nobody), tmp_path / name)
    assert "<circle" not in (tmp_path / "a.svg").read_text()


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"\.png or \.svg"):
        write_sheet(tiles_of_one(clip(signing(2))), tmp_path / "a.pdf")


def test_long_captions_keep_both_ends(tmp_path):
    track = clip(signing(2), gloss="owner/very-long-repository-name:hello")
    write_sheet(tiles_of_several([track]), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "owner/ver...y-name:hello" in text

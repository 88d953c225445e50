"""Contact sheets for reports and papers: skeletons side by side on a white background, as PNG or SVG.

For one clip, several frames are shown; for several clips, one skeleton each. SVG supports captions in any
script; PNG is drawn with OpenCV, which supports ASCII only.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.disk.new_files import write_whole
from masa_data.errors import DataError
from masa_data.texts import printable
from masa_data.tracks.skeleton import LEFT_HAND, RIGHT_HAND, seen_bones
from masa_data.tracks.track import PoseTrack

SHEET_ENDINGS: Final = (".png", ".svg")
FRAMES_OF_ONE_CLIP: Final = 8
COLUMNS: Final = 8

_TILE: Final = 180  # side of a skeleton's square, in SVG units
_CAPTION: Final = 20  # height of the caption below it
_MARGIN: Final = 0.06
_PIXELS: Final = 2  # pixels of the PNG per unit of the SVG
_MOST_LETTERS: Final = 24
# Red-green-blue colors that color-blind people can distinguish (Okabe and Ito), dark enough for a white page.
_BODY: Final = (70, 70, 70)
_LEFT: Final = (230, 159, 0)
_RIGHT: Final = (0, 114, 178)


@dataclass(frozen=True, slots=True)
class Tile:
    """One skeleton of a sheet.

    Attributes:
        caption: text below it.
        points: (49, 2) in the unit square, x right and y down; NaN = missing.
    """

    caption: str
    points: NDArray[np.floating]


def tiles_of_one(track: PoseTrack) -> list[Tile]:
    """Return up to eight evenly distributed frames of a clip at the same scale, with their time or number."""
    frames = np.linspace(0, len(track) - 1, min(len(track), FRAMES_OF_ONE_CLIP)).round().astype(int)
    points = _in_unit_square(track.keypoints[frames])
    times = track.time[frames]
    captions = [
        f"{time:.2f} s" if np.isfinite(time) else f"frame {index}"
        for time, index in zip(times.tolist(), track.frame_index[frames].tolist(), strict=True)
    ]
    return [Tile(caption, shown) for caption, shown in zip(captions, points, strict=True)]


def tiles_of_several(tracks: Iterable[PoseTrack]) -> list[Tile]:
    """Return one skeleton per clip, with its gloss or, if it has none, its id."""
    tiles = []
    for track in tracks:
        seen = (track.confidence > 0).sum(axis=1)
        # Of the frames that show most keypoints of the signer, the one nearest to the middle of the clip.
        best = np.flatnonzero(seen == seen.max())
        frame = best[np.abs(best - (len(track) - 1) / 2).argmin()]
        tiles.append(Tile(track.info.gloss or track.info.id, _in_unit_square(track.keypoints[frame])))
    return tiles


def write_sheet(tiles: Sequence[Tile], target: Path) -> None:
    """Write a contact sheet.

    Args:
        tiles: at least one.
        target: path with the extension .png or .svg; missing folders are created.

    Raises:
        DataError: if it has another extension.
        OSError: if it cannot be written.
    """
    ending = target.suffix.lower()
    if ending not in SHEET_ENDINGS:
        raise DataError(
            f"a sheet cannot be written as {ending or 'a file without an extension'}",
            f"Use a file name that ends in {' or '.join(SHEET_ENDINGS)}",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".svg":
        write_whole(target, _svg(tiles))
    else:
        encoded, data = cv2.imencode(".png", _image(tiles))
        assert encoded
        write_whole(target, data.tobytes())


def _in_unit_square(keypoints: NDArray[np.float32]) -> NDArray[np.floating]:
    """Move and scale (…, 49, 2) keypoints together so that all are inside the unit square."""
    seen = keypoints[np.isfinite(keypoints[..., 0])]
    if len(seen) == 0:
        return keypoints
    low, high = seen.min(axis=0), seen.max(axis=0)
    side = max(float((high - low).max()), 1.0) / (1 - 2 * _MARGIN)
    return np.asarray((keypoints - (low + high) / 2) / side + 0.5)


def _color(keypoint: int) -> tuple[int, int, int]:
    if LEFT_HAND.start <= keypoint < LEFT_HAND.stop:
        return _LEFT
    return _RIGHT if RIGHT_HAND.start <= keypoint < RIGHT_HAND.stop else _BODY


def _size(tiles: Sequence[Tile]) -> tuple[int, int]:
    return min(len(tiles), COLUMNS) * _TILE, math.ceil(len(tiles) / COLUMNS) * (_TILE + _CAPTION)


def _corner(place: int) -> NDArray[np.int_]:
    row, column = divmod(place, COLUMNS)
    return np.array([column * _TILE, row * (_TILE + _CAPTION)])


def _placed(tiles: Sequence[Tile]) -> Iterable[tuple[str, NDArray[np.floating], NDArray[np.int_]]]:
    """Yield caption, (49, 2) points and the tile's upper left corner, in SVG units."""
    for place, tile in enumerate(tiles):
        corner = _corner(place)
        short = tile.caption
        if len(short) > _MOST_LETTERS:
            # The part of a gloss that identifies it may be at either end.
            short = f"{short[:9]}...{short[12 - _MOST_LETTERS :]}"
        yield short, tile.points * _TILE + corner, corner


def _svg(tiles: Sequence[Tile]) -> str:
    width, height = _size(tiles)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><rect width="{width}" height="{height}" fill="#fff"/>'
        '<g stroke-width="1.6" stroke-linecap="round" font-family="sans-serif" font-size="12" '
        'text-anchor="middle">'
    ]
    for caption, points, corner in _placed(tiles):
        for first, second in _bones(points):
            (x1, y1), (x2, y2) = points[[first, second]].round(1).tolist()
            parts.append(
                f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="rgb{_color(second)}"/>'
            )
        for number in np.flatnonzero(np.isfinite(points[:, 0])).tolist():
            x, y = points[number].round(1).tolist()
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="1.6" fill="rgb{_color(number)}"/>')
        x, y = (corner + np.array([_TILE // 2, _TILE + 13])).tolist()
        parts.append(f'<text x="{x}" y="{y}">{escape(printable(caption))}</text>')
    return "".join([*parts, "</g></svg>\n"])


def _image(tiles: Sequence[Tile]) -> NDArray[np.uint8]:
    """Return the sheet as (height, width, 3) blue-green-red."""
    width, height = _size(tiles)
    image = np.full((height * _PIXELS, width * _PIXELS, 3), 255, np.uint8)
    bits = 4
    for caption, points, corner in _placed(tiles):
        fixed = np.nan_to_num(points * _PIXELS * (1 << bits)).round().astype(int).tolist()
        for first, second in _bones(points):
            color = _color(second)[::-1]
            cv2.line(image, fixed[first], fixed[second], color, 3, cv2.LINE_AA, bits)
        for number in np.flatnonzero(np.isfinite(points[:, 0])).tolist():
            color = _color(number)[::-1]
            cv2.circle(image, fixed[number], 3 << bits, color, cv2.FILLED, cv2.LINE_AA, bits)
        _write_caption(image, _ascii(caption), corner * _PIXELS)
    return image


def _write_caption(image: NDArray[np.uint8], text: str, corner: NDArray[np.int_]) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.35 * _PIXELS
    (wide, _), _ = cv2.getTextSize(text, font, scale, 1)
    room = _TILE * _PIXELS
    scale *= min(1.0, room / max(wide, 1))
    left = int(corner[0] + max(room - wide, 0) / 2)
    origin = (left, int(corner[1] + room + 13 * _PIXELS))
    cv2.putText(image, text, origin, font, scale, (40, 40, 40), 1, cv2.LINE_AA)


def _bones(points: NDArray[np.floating]) -> list[tuple[int, int]]:
    return seen_bones(np.isfinite(points[:, 0]))


def _ascii(text: str) -> str:
    """Return the text without accents; other characters beyond ASCII become question marks."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = (character for character in decomposed if not unicodedata.combining(character))
    return "".join(character if " " <= character <= "~" else "?" for character in letters)

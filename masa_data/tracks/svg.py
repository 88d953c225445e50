"""Skeletons as still or moving SVG: plain text that every browser and notebook can show, without a library.

All frames of a drawing have the same scale, and the whole motion fits into the picture. A missing keypoint is
not drawn, and neither are its bones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.disk.new_files import write_whole
from masa_data.errors import DataError
from masa_data.texts import printable
from masa_data.tracks.skeleton import PARTS, seen_bones

# Colors that color-blind people can distinguish (Okabe and Ito), dark enough for a white background.
COLORS: Final = {"body": "#464646", "left hand": "#e69f00", "right hand": "#0072b2"}

_SIDE: Final = 180  # longer side of one frame, in SVG units
_MARGIN: Final = 12  # around the skeleton
_CAPTION: Final = 20  # height of the line below a frame
_COLUMNS: Final = 8
_BONE: Final = {"body": 2.4, "left hand": 1.5, "right hand": 1.5}
_DOT: Final = {"body": 4.4, "left hand": 2.8, "right hand": 2.8}
_NOTHING: Final = "M0 0"  # a path without content


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG picture. A notebook shows it, `save` writes it, `str` returns its text.

    Attributes:
        svg: the text of the picture.
    """

    svg: str

    def save(self, path: str | Path) -> None:
        """Write the picture to a file; missing folders are created.

        Args:
            path: path of the file, with the extension .svg.

        Raises:
            DataError: if the path has another extension.
            OSError: if it cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise DataError(f"a drawing cannot be written as {path.name!r}", "Use a name that ends in .svg")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, self.svg)

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<SVG drawing, {len(self.svg.encode()):,} bytes: .save('drawing.svg') writes it>"

    def _repr_svg_(self) -> str:
        return self.svg


def draw_frames(keypoints: NDArray[np.floating], captions: Sequence[str], title: str) -> Drawing:
    """Draw frames side by side, eight per row.

    Args:
        keypoints: (F, 49, 2) positions, x right and y down, in any unit; NaN = missing.
        captions: F lines, one below each frame.
        title: title of the picture; a browser shows it as a tooltip.
    """
    points, width, height = _fitted(keypoints)
    columns = min(len(points), _COLUMNS)
    rows = math.ceil(len(points) / _COLUMNS)
    parts = [_opening(columns * width, rows * (height + _CAPTION), title)]
    for place, (frame, caption) in enumerate(zip(points, captions, strict=True)):
        row, column = divmod(place, _COLUMNS)
        x, y = column * width, row * (height + _CAPTION)
        parts.append(f'<g transform="translate({x} {y})">{_skeleton(frame)}')
        parts.append(
            f'<text x="{width / 2:g}" y="{height + 12}" fill="#333">{escape(printable(caption))}</text></g>'
        )
    return Drawing("".join([*parts, "</g></svg>\n"]))


def animate_frames(keypoints: NDArray[np.floating], seconds: NDArray[np.floating], title: str) -> Drawing:
    """Draw frames as an endless animation.

    Args:
        keypoints: (F, 49, 2) positions, x right and y down, in any unit; NaN = missing.
        seconds: (F,) duration of each frame in seconds, above 0.
        title: title of the picture; a browser shows it as a tooltip.
    """
    points, width, height = _fitted(keypoints)
    total = float(seconds.sum())
    starts = np.concatenate([[0.0], np.cumsum(seconds)[:-1]]) / total
    times = ";".join(f"{start:.4f}".rstrip("0").rstrip(".") for start in starts.tolist())
    timing = f'dur="{total:.3f}s" calcMode="discrete" repeatCount="indefinite" keyTimes="{times}"'
    paths = [_paths(frame) for frame in points]
    parts = [_opening(width, height, title)]
    for name, first in paths[0].items():
        values = ";".join(frame[name][0] for frame in paths)
        moving = f'<animate attributeName="d" {timing} values="{values}"/>' if len(paths) > 1 else ""
        parts.append(f'<path d="{first[0]}" {first[1]}>{moving}</path>')
    return Drawing("".join([*parts, "</g></svg>\n"]))


def _opening(width: int, height: int, title: str) -> str:
    shown = escape(printable(title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{shown}</title>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        '<g fill="none" stroke-linecap="round" stroke-linejoin="round" font-family="sans-serif" '
        'font-size="12" text-anchor="middle">'
    )


def _fitted(keypoints: NDArray[np.floating]) -> tuple[NDArray[np.floating], int, int]:
    """Return the keypoints, moved and scaled together to fit into a box, and the box's width and height."""
    seen = keypoints[np.isfinite(keypoints).all(axis=-1)]
    if len(seen) == 0:
        return keypoints, _SIDE, _SIDE
    low, high = seen.min(axis=0), seen.max(axis=0)
    spans = np.maximum(high - low, 1e-6)
    room = _SIDE - 2 * _MARGIN
    scale = room / float(spans.max())
    # The box is never narrower than a caption.
    width, height = (max(_SIDE // 2, math.ceil(span * scale) + 2 * _MARGIN) for span in spans.tolist())
    points = (keypoints - (low + high) / 2) * scale + np.array([width / 2, height / 2])
    return np.asarray(points), width, height


def _skeleton(points: NDArray[np.floating]) -> str:
    return "".join(f'<path d="{d}" {style}/>' for d, style in _paths(points).values() if d != _NOTHING)


def _paths(points: NDArray[np.floating]) -> dict[str, tuple[str, str]]:
    """Return, for the bones and dots of each part of the body, the path's `d` and its style."""
    shown = np.isfinite(points).all(axis=1)
    words = [f"{x:.1f} {y:.1f}" for x, y in np.nan_to_num(points).tolist()]
    bones = seen_bones(shown)
    paths = {}
    for name, part in PARTS.items():
        color = f'stroke="{COLORS[name]}"'
        numbers = range(part.start, part.stop)
        # The bone from the arm to the wrist of a hand belongs to the hand.
        lines = [f"M{words[a]}L{words[b]}" for a, b in bones if b in numbers]
        dots = [f"M{words[number]}h0" for number in numbers if shown[number]]
        paths[f"{name} bones"] = "".join(lines) or _NOTHING, f'{color} stroke-width="{_BONE[name]}"'
        paths[f"{name} dots"] = "".join(dots) or _NOTHING, f'{color} stroke-width="{_DOT[name]}"'
    return paths

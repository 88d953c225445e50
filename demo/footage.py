"""Moves a photograph of a man with both hands in view along known paths, as clips of a few made-up glosses.

The photograph comes in the wheel of insightface (installed from requirements/demo.txt; never imported). It is
cropped, panned and zoomed, so that where every keypoint goes is known exactly: an affine map of where it was.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_ROWS: Final = slice(150, 650)
_COLUMNS: Final = slice(900, 1280)
FPS: Final = 25.0

# Each gloss is a path: phase in 0..1 → shift right and down in pixels, and zoom.
Motion = Callable[[float], tuple[float, float, float]]
GLOSSES: Final[dict[str, Motion]] = {
    "across": lambda phase: (40 * np.sin(2 * np.pi * phase), 0.0, 1.0),
    "circle": lambda phase: (30 * np.cos(2 * np.pi * phase), 30 * np.sin(2 * np.pi * phase), 1.0),
    "nod": lambda phase: (0.0, 35 * np.sin(4 * np.pi * phase), 1.0),
    "zoom": lambda phase: (0.0, 0.0, 1.0 + 0.2 * np.sin(2 * np.pi * phase)),
}


def photograph() -> NDArray[np.uint8]:
    """The cropped photograph, (500, 380, 3) blue-green-red.

    Raises:
        FileNotFoundError: if the package that ships it is not installed.
    """
    spec = importlib.util.find_spec("insightface")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("insightface is missing: pip install --no-deps -r requirements/demo.txt")
    image = cv2.imread(str(Path(spec.origin).parent / "data" / "images" / "t1.jpg"))
    if image is None:
        raise FileNotFoundError("this insightface has no data/images/t1.jpg; install requirements/demo.txt")
    return image[_ROWS, _COLUMNS].astype(np.uint8, copy=False)


def affine_path(gloss: str, frames: int, *, start: float = 0.0, size: float = 1.0) -> NDArray[np.float64]:
    """Where the photograph goes: (frames, 2, 3) affine maps from its pixels to the frame's.

    Args:
        gloss: one of GLOSSES.
        frames: number of frames.
        start: phase at which the path begins, 0..1; takes of one gloss differ in it.
        size: factor on the path's extent.
    """
    center = np.array([(_COLUMNS.stop - _COLUMNS.start) / 2, (_ROWS.stop - _ROWS.start) / 2])
    maps = np.empty((frames, 2, 3))
    for number in range(frames):
        right, down, zoom = GLOSSES[gloss](start + number / frames)
        zoom = 1 + (zoom - 1) * size
        maps[number, :, :2] = np.eye(2) * zoom
        maps[number, :, 2] = center * (1 - zoom) + np.array([right, down]) * size
    return maps


def write_clip(target: Path, maps: NDArray[np.float64], *, scale: float = 1.0) -> None:
    """Write the moved photograph as an mp4.

    Args:
        target: the file to write.
        maps: (frames, 2, 3), see `affine_path`.
        scale: size of the frames as a share of the photograph's.
    """
    image = cv2.resize(photograph(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    target.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
    for affine in maps * np.array([1, 1, scale]):
        writer.write(cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REFLECT))
    writer.release()


def write_footage(folder: Path, *, takes: int = 3, frames: int = 30, scale: float = 1.0) -> None:
    """Write `folder/gloss/take.mp4` for every gloss."""
    for gloss in GLOSSES:
        for take in range(takes):
            maps = affine_path(gloss, frames, start=take / takes / 2, size=1 - 0.2 * take / takes)
            write_clip(folder / gloss / f"{take:02d}.mp4", maps, scale=scale)


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    write_footage(Path(sys.argv[1]), takes=chosen)
    print(f"Wrote {chosen * len(GLOSSES)} clips of {len(GLOSSES)} made-up glosses to {sys.argv[1]}")

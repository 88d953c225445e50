"""Movies in .mp4, .webm and .gif format, written completely or not at all.

With PyAV, an .mp4 is H.264, which every browser plays. OpenCV's wheels cannot write this: without PyAV, it is
MPEG-4 part 2, which browsers do not play, and the caller gets a message. WebM (VP9) and GIF play everywhere.
"""

from __future__ import annotations

import importlib
import io
import itertools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.disk.new_files import new_file, write_whole
from masa_data.errors import DataError
from masa_data.machine.extras import INSTALL_VIDEO, load_optional

MOVIE_ENDINGS: Final = (".mp4", ".webm", ".gif")
NOT_FOR_BROWSERS: Final = (
    "browsers do not play this .mp4 (MPEG-4 part 2): pip install 'masa-slr[video]' for H.264, or use a .webm"
)

_CODECS: Final = {".mp4": "libx264", ".webm": "libvpx-vp9"}
_OPTIONS: Final = {
    ".mp4": {"crf": "20", "preset": "veryfast"},
    ".webm": {"crf": "32", "b": "0", "deadline": "realtime", "cpu-used": "6"},
}
_FOURCC: Final = {".mp4": "mp4v", ".webm": "VP80"}
# A GIF is kept in memory and is large; it is meant for pages that accept no other format.
_GIF_SIDE: Final = 480  # pixels
_GIF_RATE: Final = 15.0  # frames a second
_GIF_FRAMES: Final = 300

Image = NDArray[np.uint8]


def write_movie(target: Path, images: Iterable[Image], rate: float, frames: int) -> str:
    """Write images as a movie.

    Args:
        target: path with one of the extensions in MOVIE_ENDINGS.
        images: (height, width, 3) blue-green-red, all of the same size; an odd last row or column is cut off.
        rate: frames per second.
        frames: maximum number of images; for a GIF, every N-th is used if there are many.

    Returns:
        a message for the user about the output; "" = none.

    Raises:
        DataError: if images of this size cannot be written in this format.
        OSError: if the disk is full; an existing file is unchanged.
    """
    ending = target.suffix.lower()
    if ending == ".gif":
        return _write_gif(target, images, rate, frames)
    even = _even(target, iter(images))
    first = next(even)
    size = (first.shape[1], first.shape[0])
    note = ""
    with new_file(target, keep_ending=True) as temporary:
        writer: _Writer
        if _has_pyav(_CODECS[ending]):
            writer = _PyAVWriter(temporary, ending, rate, size)
        else:
            writer = _OpenCVWriter(temporary, target, ending, rate, size)
            note = NOT_FOR_BROWSERS if ending == ".mp4" else ""
        try:
            for image in itertools.chain([first], even):
                writer.write(image)
        except BaseException:
            writer.abandon()
            raise
        writer.finish()
    return note


class _Writer(Protocol):
    """Writes one movie."""

    def write(self, image: Image) -> None:
        """Write the next image."""

    def finish(self) -> None:
        """Write the end of the movie."""

    def abandon(self) -> None:
        """Close the file after an error, without another error."""


class _PyAVWriter:
    def __init__(self, path: Path, ending: str, rate: float, size: tuple[int, int]) -> None:
        av = importlib.import_module("av")
        self._frame = av.VideoFrame
        self._container = av.open(str(path.absolute()), "w", format=ending[1:])
        self._stream = self._container.add_stream(
            _CODECS[ending], rate=Fraction(rate).limit_denominator(1001), options=_OPTIONS[ending]
        )
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"

    def write(self, image: Image) -> None:
        self._container.mux(self._stream.encode(self._frame.from_ndarray(image, format="bgr24")))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        _suppressed(self._container.close)


class _OpenCVWriter:
    """Writes with OpenCV, which does not report a full disk, so the written frames are counted."""

    def __init__(self, path: Path, target: Path, ending: str, rate: float, size: tuple[int, int]) -> None:
        self._path, self._target, self._written = path, target, 0
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_FOURCC[ending]), rate, size)
        if not self._writer.isOpened():
            with path.open("wb"):  # raises an error if the file cannot be written
                pass
            raise DataError(f"{target} cannot be written as a video of {size[0]}×{size[1]}", "Write a .png")

    def write(self, image: Image) -> None:
        self._writer.write(image)
        self._written += 1

    def finish(self) -> None:
        self._writer.release()
        found = int(cv2.VideoCapture(str(self._path)).get(cv2.CAP_PROP_FRAME_COUNT))
        if found < self._written:
            raise DataError(
                f"{self._target}: only {max(found, 0)} of {self._written} frames could be written",
                "Free space there or write to another place, then run it again",
            )

    def abandon(self) -> None:
        self._writer.release()


def _write_gif(target: Path, images: Iterable[Image], rate: float, frames: int) -> str:
    how = f"{INSTALL_VIDEO}, or choose a .webm"
    pillow = load_optional("PIL.Image", "which writes GIFs", how, "Pillow")
    step = max(math.ceil(rate / _GIF_RATE - 1e-6), math.ceil(frames / _GIF_FRAMES), 1)
    shown = [
        pillow.fromarray(np.ascontiguousarray(_smaller(image)[..., ::-1]))  # red-green-blue
        for image in itertools.islice(images, 0, None, step)
    ]
    # Durations in a GIF are hundredths of a second; rounding each frame's end keeps the movie's length.
    ends = np.round(np.arange(len(shown) + 1) * (100 * step / rate)).astype(int)
    durations = (10 * np.diff(ends)).tolist()
    data = io.BytesIO()
    shown[0].save(data, "GIF", save_all=True, append_images=shown[1:], duration=durations, loop=0)
    write_whole(target, data.getvalue())
    return f"every {step} frames of the clip are one frame of the GIF" if step > 1 else ""


def _smaller(image: Image) -> Image:
    longer = max(image.shape[:2])
    if longer <= _GIF_SIDE:
        return np.ascontiguousarray(image)
    size = tuple(max(1, round(side * _GIF_SIDE / longer)) for side in (image.shape[1], image.shape[0]))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _even(target: Path, images: Iterator[Image]) -> Iterator[Image]:
    """Cut images to even sizes, because videos store colors at half the size."""
    for image in images:
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if not (height and width):
            size = f"{image.shape[1]}×{image.shape[0]}"
            raise DataError(f"{target} cannot be written as a video of {size}", "Write a .png")
        yield np.ascontiguousarray(image[:height, :width])


def _has_pyav(codec: str) -> bool:
    """Return whether PyAV is installed, with an encoder of this name."""
    try:
        import av

        av.codec.Codec(codec, "w")
    except (ImportError, ValueError):
        return False
    return True


def _suppressed(close: Any) -> None:  # noqa: ANN401
    try:
        close()
    except (OSError, ValueError):
        return

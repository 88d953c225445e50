"""Conversion of decoded pictures for display: square pixels, correct rotation."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from masa_data.errors import DataError

# Recordings have pixels of 8:9 to 2:1. A shape beyond this limit is an error in the file.
_MOST_STRETCHED: Final = 4
# Odd sizes of transcoded videos cause shapes like 1280:1279, a rounding error of one pixel.
_AS_GOOD_AS_SQUARE: Final = 0.005


class Display:
    """Converts a video's frames to images of square pixels, upright and not mirrored.

    Frames are only stretched, never reduced, so that no detail is lost.

    Args:
        pixel_shape: width ÷ height of a pixel before the rotation; None = not declared.

    Attributes:
        warning: a warning about the shape; "" = none.
    """

    def __init__(self, pixel_shape: Fraction | None) -> None:
        self._shape = pixel_shape if pixel_shape and pixel_shape > 0 else Fraction(1)
        self.warning = ""
        if not 1 / _MOST_STRETCHED <= self._shape <= _MOST_STRETCHED:
            self.warning = (
                f"the file's pixels of {self._shape.numerator}:{self._shape.denominator} are ignored"
            )
            self._shape = Fraction(1)
        if abs(self._shape - 1) < _AS_GOOD_AS_SQUARE:
            self._shape = Fraction(1)
        self._matrix: tuple[int, int, int, int] | None = None  # of the first frame, used for all

    def image(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return the frame as it is shown: (height, width, 3), blue-green-red.

        Raises:
            DataError: if its pixel format cannot be converted to colors.
        """
        width, height = self._stretched(frame)
        try:
            flat = frame.to_ndarray(format="bgr24", width=width, height=height, interpolation="BICUBIC")
        except (ValueError, OSError):  # PyAV's exceptions for ffmpeg's errors
            raise DataError(
                f"frames of {frame.width}×{frame.height} pixels in the format {frame.format.name} cannot be "
                "converted to color images",
                "Convert the video again",
            ) from None
        return self._turned(flat.astype(np.uint8, copy=False), frame)

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return width and height of the frame as it is shown."""
        width, height = self._stretched(frame)
        return (height, width) if self._is_on_its_side(frame) else (width, height)

    def stretch(self, frame: VideoFrame) -> tuple[float, float]:
        """Return the factors by which the frame is stretched in width and height, after the rotation."""
        width, height = self._stretched(frame)
        across, down = width / frame.width, height / frame.height
        return (down, across) if self._is_on_its_side(frame) else (across, down)

    def _stretched(self, frame: VideoFrame) -> tuple[int, int]:
        if self._shape >= 1:
            return round(frame.width * self._shape), frame.height
        return frame.width, round(frame.height / self._shape)

    def _is_on_its_side(self, frame: VideoFrame) -> bool:
        x_of_x, x_of_y, *_ = self._matrix_of(frame)
        return abs(x_of_y) > abs(x_of_x)

    def _matrix_of(self, frame: VideoFrame) -> tuple[int, int, int, int]:
        if self._matrix is None:
            self._matrix = _display_matrix(frame)
        return self._matrix

    def _turned(self, image: NDArray[np.uint8], frame: VideoFrame) -> NDArray[np.uint8]:
        x_of_x, x_of_y, y_of_x, y_of_y = self._matrix_of(frame)
        if self._is_on_its_side(frame):
            image = image.transpose(1, 0, 2)
            x_of_x, y_of_y = x_of_y, y_of_x
        if x_of_x >= 0 and y_of_y >= 0:
            return np.ascontiguousarray(image)
        return np.ascontiguousarray(image[:: -1 if y_of_y < 0 else 1, :: -1 if x_of_x < 0 else 1])


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return how shown x depends on stored x and on stored y, then the same for shown y."""
    try:
        stored = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV before 19 fails on unknown kinds of side data
        stored = None
        turned = round(frame.rotation / 90) % 4  # counter-clockwise
        return ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))[turned]
    if stored is None:
        return 1, 0, 0, 1
    assert isinstance(stored, SideData)
    values = np.frombuffer(bytes(stored), "=i4")
    return int(values[0]), int(values[3]), int(values[1]), int(values[4])

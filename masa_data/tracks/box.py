"""The region of the frame with the signer, as a corpus gives it, and its pixels in a given file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

# "whole": there is no box, or it is the whole frame; "cropped": the box was cut out; "already": the file has
# the shape of the box, so it is already cropped; "other size": a box in pixels extends beyond the frame: it
# belongs to a video of another size and is not used.
CropCase = Literal["whole", "cropped", "already", "other size"]

# Shapes (width ÷ height) within this tolerance are equal; rounding to even sizes alone causes 1 %.
_SAME_SHAPE: Final = 0.03
# Boxes of detectors can extend slightly beyond the frame.
_OVERHANG_PIXELS: Final = 2


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the frames of a source video.

    Attributes:
        x0: left edge.
        y0: upper edge.
        x1: right edge.
        y1: lower edge.
        unit: "share" of the frame in 0..1, or "pixel".
        shape: width ÷ height of the frames for which the box was made; NaN = unknown.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    unit: Literal["share", "pixel"]
    shape: float = math.nan

    def stretched(self, across: float, down: float) -> Box:
        """Return the rectangle in frames that are stretched by these factors, if it is given in pixels.

        Boxes are made for frames as they are stored; the pixels of such frames may not be square.
        """
        if self.unit == "share":
            return self
        return replace(self, x0=self.x0 * across, x1=self.x1 * across, y0=self.y0 * down, y1=self.y1 * down)


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of pixels.

    Attributes:
        x0: first column.
        y0: first row.
        x1: one past the last column.
        y1: one past the last row.
        case: how it was determined.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    case: CropCase


def resolve_box(box: Box | None, width: int, height: int) -> Crop:
    """Determine the pixels of a file's frames that belong to a box.

    Args:
        box: the box; None = the whole frame.
        width: width of the file's frames in pixels.
        height: height of the file's frames in pixels.
    """
    if box is None:
        return Crop(0, 0, width, height, "whole")
    scale_x, scale_y = (width, height) if box.unit == "share" else (1, 1)
    x0, x1 = box.x0 * scale_x, box.x1 * scale_x
    y0, y1 = box.y0 * scale_y, box.y1 * scale_y
    if box.unit == "pixel" and (x1 > width + _OVERHANG_PIXELS or y1 > height + _OVERHANG_PIXELS):
        return Crop(0, 0, width, height, "other size")
    if box.unit == "share" and _is_cropped_already(box, width / height):
        return Crop(0, 0, width, height, "already")
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(width, math.ceil(x1)), min(height, math.ceil(y1))
    is_whole = (left, top, right, bottom) == (0, 0, width, height)
    if is_whole or right <= left or bottom <= top:
        return Crop(0, 0, width, height, "whole" if is_whole else "other size")
    return Crop(left, top, right, bottom, "cropped")


def _is_cropped_already(box: Box, shape: float) -> bool:
    """Return whether frames of this shape are already cropped to the box; False if the shapes are similar."""
    box_shape = box.shape * (box.x1 - box.x0) / (box.y1 - box.y0)
    return _look_alike(shape, box_shape) and not _look_alike(shape, box.shape)


def _look_alike(shape: float, other: float) -> bool:
    return abs(math.log(shape / other)) < _SAME_SHAPE if math.isfinite(other) else False

"""Which frames of a file a corpus means: its lists were made on the source videos, people hold cut clips."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

# "cut": every file is one clip already; "raw": every file is a source video; "auto": each file's name or
# length decides.
VideosMode = Literal["auto", "cut", "raw"]

# "whole": no range was declared; "cut": the file is cut already and was taken whole; "raw": the range was cut
# out of it; "clamped": likewise, but it ends past the file's end; "empty": no frame of the file is in it.
RangeCase = Literal["whole", "cut", "raw", "clamped", "empty"]

# A clip of fewer frames is worth a line in the report.
MIN_FRAMES: Final = 8

# "About as long": converting a clip to another frame rate moves its ends by a few frames.
_LENGTH_TOLERANCE: Final = 0.1
_LENGTH_TOLERANCE_FRAMES: Final = 3


@dataclass(frozen=True, slots=True)
class DeclaredRange:
    """A range of a source video, as a list gives it.

    Attributes:
        start: seconds from the start of the source video.
        end: seconds; None = to the end.
        fps: the frame rate at which the list's makers counted.
    """

    start: float
    end: float | None
    fps: float

    @classmethod
    def of_frames(cls, first: int, last: int | None, fps: float) -> DeclaredRange:
        """The range of the frames `first` to `last`, both included and counted from 1; None = to the end."""
        return cls((first - 1) / fps, None if last is None else last / fps, fps)


@dataclass(frozen=True, slots=True)
class Range:
    """Frames of a file.

    Attributes:
        start: first frame, counted from 0.
        end: one past the last frame.
        case: how it came about.
        seconds: the times that were asked for, if a part of a file with a clock is taken; else None. They go
            before the numbers, which are of the file's index: a decoder may find some frames more or less.
    """

    start: int
    end: int
    case: RangeCase
    seconds: tuple[float, float | None] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def is_short(self) -> bool:
        """Whether it has so few frames that the report must say so."""
        return len(self) < MIN_FRAMES


def resolve_range(
    declared: DeclaredRange | None,
    fps: float,
    frames: int,
    mode: VideosMode = "auto",
    already_cut: bool | None = None,
    times: NDArray[np.float64] | None = None,
) -> Range:
    """Settle which frames of a file a declared range stands for.

    In mode "auto", unless the file's name tells, a file too short to hold the range's start, or about as long
    as the range, is taken to be cut already. "About as long" is asked in seconds and in frames, because
    people cut both ways. What is cut out ends where the file ends.

    Args:
        declared: the range; None = the whole source.
        fps: the file's frame rate; NaN if it has none (folders of images), then the list's rate counts.
        frames: how many frames the file has.
        mode: what the user says of all files.
        already_cut: what the file's name says of this file; None = nothing.
        times: (frames,) when each frame is shown, in seconds from the first; None = at the frame rate.
    """
    if frames <= 0:
        return Range(0, 0, "empty")
    if declared is None or (declared.start <= 0 and declared.end is None):
        return Range(0, frames, "whole")
    rate = fps if math.isfinite(fps) and fps > 0 else declared.fps
    shown = np.arange(frames) / rate if times is None else times
    start = _frame_at(declared.start, shown, rate)
    end = frames if declared.end is None else _frame_at(declared.end, shown, rate)
    if mode == "auto":
        if already_cut is None:
            already_cut = start >= frames or _is_about_as_long(declared, rate, shown)
        mode = "cut" if already_cut else "raw"
    if mode == "cut":
        return Range(0, frames, "cut")
    if min(end, frames) <= start:
        return Range(min(start, frames), min(start, frames), "empty")
    seconds = None if times is None else (declared.start, declared.end)
    return Range(start, min(end, frames), "clamped" if end > frames else "raw", seconds)


def range_note(found: Range, frames: int) -> str | None:
    """The line that the report owes a clip of this range of a file of so many frames; None = none."""
    if found.case == "empty":
        return f"the range from frame {found.start} holds none of the file's {frames} frames"
    clamped = f"the range ends past the file's last frame and was clamped to {found.start}–{found.end}"
    if found.is_short:
        left = f"the clip has only {len(found)} frames, expected at least {MIN_FRAMES}"
        return f"{left}: {clamped}" if found.case == "clamped" else left
    return clamped if found.case == "clamped" else None


def _frame_at(seconds: float, shown: NDArray[np.float64], rate: float) -> int:
    """The first frame of which more than half is shown after this time; behind the last at the frame rate."""
    past_the_end = seconds - float(shown[-1])
    if past_the_end * rate >= 1.5:
        return len(shown) - 1 + math.floor(past_the_end * rate + 0.5)
    return int(np.searchsorted(shown + 0.5 / rate, seconds, side="right"))


def _is_about_as_long(declared: DeclaredRange, rate: float, shown: NDArray[np.float64]) -> bool:
    if declared.end is None:
        return False
    seconds = declared.end - declared.start
    lasts = float(shown[-1]) + 1 / rate
    return any(
        abs(frames - length) <= max(_LENGTH_TOLERANCE_FRAMES, _LENGTH_TOLERANCE * length)
        for frames, length in ((lasts * rate, seconds * rate), (len(shown), seconds * declared.fps))
    )

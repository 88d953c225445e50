"""Conversion of ranges in a source video, as corpora list them, to frames of a file, maybe a cut clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

# "cut": every file is a cut clip; "raw": every file is a source video; "auto": the name or length of each
# file decides.
VideosMode = Literal["auto", "cut", "raw"]

# "whole": no range was declared; "cut": the file is a cut clip and is used completely; "raw": the range was
# cut out of the file; "clamped": as "raw", but it ends after the end of the file; "empty": the file has no
# frame in the range.
RangeCase = Literal["whole", "cut", "raw", "clamped", "empty"]

# A clip with fewer frames is mentioned in the report.
MIN_FRAMES: Final = 8

# Tolerance for equal lengths: conversion to another frame rate moves the ends of a clip by a few frames.
_LENGTH_TOLERANCE: Final = 0.1
_LENGTH_TOLERANCE_FRAMES: Final = 3


@dataclass(frozen=True, slots=True)
class DeclaredRange:
    """A range of a source video, as given in a list.

    Attributes:
        start: seconds from the start of the source video.
        end: seconds; None = to the end.
        fps: frame rate that the list assumes.
    """

    start: float
    end: float | None
    fps: float

    @classmethod
    def of_frames(cls, first: int, last: int | None, fps: float) -> DeclaredRange:
        """Return the range of frames `first` to `last`, both included, counted from 1; None = to the end."""
        return cls((first - 1) / fps, None if last is None else last / fps, fps)


@dataclass(frozen=True, slots=True)
class Range:
    """Frames of a file.

    Attributes:
        start: first frame, counted from 0.
        end: one past the last frame.
        case: how the range was determined.
        seconds: requested start and end times, if a part of a file with frame times is used; else None. They
            take precedence over the frame numbers, because a decoder may find another number of frames.
    """

    start: int
    end: int
    case: RangeCase
    seconds: tuple[float, float | None] | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def is_short(self) -> bool:
        """Whether it has so few frames that the report mentions it."""
        return len(self) < MIN_FRAMES


def resolve_range(
    declared: DeclaredRange | None,
    fps: float,
    frames: int,
    mode: VideosMode = "auto",
    already_cut: bool | None = None,
    times: NDArray[np.float64] | None = None,
) -> Range:
    """Determine which frames of a file belong to a declared range.

    In mode "auto", the name of the file decides. If it does not tell, a file is treated as a cut clip if it
    ends before the start of the range or is about as long as the range. Lengths are compared both in seconds
    and in frames, because both ways of cutting are common. A range ends at the end of the file at the latest.

    Args:
        declared: the range; None = the whole source.
        fps: frame rate of the file; NaN = none (folders of images), then the list's rate is used.
        frames: number of frames in the file.
        mode: the user's statement about all files.
        already_cut: whether the file is a cut clip according to its name; None = the name does not tell.
        times: (frames,) time of each frame in seconds from the first; None = computed from the frame rate.
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
    """Return the report's line about this range of a file with `frames` frames; None = no line."""
    if found.case == "empty":
        return f"the range from frame {found.start} contains none of the file's {frames} frames"
    clamped = f"the range ends past the file's last frame and was clamped to {found.start}–{found.end}"
    if found.is_short:
        left = f"the clip has only {len(found)} frames, expected at least {MIN_FRAMES}"
        return f"{left}: {clamped}" if found.case == "clamped" else left
    return clamped if found.case == "clamped" else None


def _frame_at(seconds: float, shown: NDArray[np.float64], rate: float) -> int:
    """Return the first frame shown mostly after this time; after the last one, use the frame rate."""
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

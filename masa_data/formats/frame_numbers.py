"""Frame numbers as a short text: "0..40", "0..40/2", "3,7,9..12". Excel would convert 3-7 to a date."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.formats.untrusted.limits import check_frames

_PART: Final = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9})(?:/(\d{1,9}))?)?")


def written_frames(index: NDArray[np.integer]) -> str:
    """Return the text for increasing frame numbers, (T,)."""
    numbers = index.tolist()
    steps = np.diff(index).tolist()
    parts: list[str] = []
    first = 0
    while first < len(numbers):
        last = first
        while last < len(steps) and steps[last] == steps[first]:
            last += 1
        if last - first < 2:  # two numbers are not written as a series
            last = first
        every = f"/{steps[first]}" if last > first and steps[first] > 1 else ""
        parts.append(f"{numbers[first]}..{numbers[last]}{every}" if last > first else str(numbers[first]))
        first = last + 1
    return ",".join(parts)


def parse_frames(text: str, frames: int) -> NDArray[np.int64]:
    """Return the (frames,) numbers in a text.

    Raises:
        DataError: if the text is not valid, the numbers do not increase, or their count is wrong.
    """
    check_frames(frames)
    series: list[NDArray[np.int64]] = []
    count = 0
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise _wrong(text, frames)
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        count += (last - first) // step + 1 if step else 0
        if step < 1 or last < first or count > frames:
            raise _wrong(text, frames)
        series.append(np.arange(first, last + 1, step, dtype=np.int64))
    index = np.concatenate(series)
    if len(index) != frames or (np.diff(index) <= 0).any():
        raise _wrong(text, frames)
    return index


def _wrong(text: str, frames: int) -> DataError:
    return DataError(
        f"found the frame numbers {text[:40]!a} of a clip of {frames:,} frames, expected one number per "
        "frame, increasing, as in 0..40 or 0..40/2",
        "Export again, or remove the clip's line from clips.csv",
    )

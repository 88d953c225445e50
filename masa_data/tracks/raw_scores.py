"""The range of scores from which confidences were made, and the notes in which files told it once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

# The name of the note, and what stood in it: "-0.02 to 1.06"; of merged files several with "; " between.
_NOTE: Final = "raw scores"
_NUMBER: Final = r"-?\d{1,9}(?:\.\d{1,9})?"
_RANGE: Final = re.compile(rf"({_NUMBER}) to ({_NUMBER})")


def unite_raw_scores(ranges: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    """The range that holds all ranges, to two decimals; None if there is none.

    The range of rounded numbers is the rounded range, so it does not matter in which steps it is made.
    """
    numbers = [number for known in ranges if known is not None for number in known if math.isfinite(number)]
    if not numbers:
        return None
    return round(min(numbers), 2) + 0.0, round(max(numbers), 2) + 0.0  # never "-0.0"


def without_note(notes: dict[str, str]) -> tuple[dict[str, str], tuple[float, float] | None]:
    """Take the range out of the notes of a file that tells it there, however many are joined in the note.

    Args:
        notes: of a file.

    Returns:
        the other notes, and the range; None without one. A note with other text stays where it is.
    """
    note = notes.get(_NOTE)
    if note is None:
        return notes, None
    parts = [part for part in note.split("; ") if part != "none"]
    found = [_RANGE.fullmatch(part) for part in parts]
    if any(match is None for match in found):
        return notes, None
    rest = {name: text for name, text in notes.items() if name != _NOTE}
    return rest, unite_raw_scores((float(match[1]), float(match[2])) for match in found if match is not None)

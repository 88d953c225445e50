"""The range of the scores from which confidences were computed, and the notes with it in older files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

# Name and content of the note: "-0.02 to 1.06"; merged files have several, separated by "; ".
_NOTE: Final = "raw scores"
_NUMBER: Final = r"-?\d{1,9}(?:\.\d{1,9})?"
_RANGE: Final = re.compile(rf"({_NUMBER}) to ({_NUMBER})")


def unite_raw_scores(ranges: Iterable[tuple[float, float] | None]) -> tuple[float, float] | None:
    """Return the range that contains all ranges, rounded to two decimals; None if there is none.

    Rounding does not depend on the order or the number of steps in which ranges are united.
    """
    numbers = [number for known in ranges if known is not None for number in known if math.isfinite(number)]
    if not numbers:
        return None
    return round(min(numbers), 2) + 0.0, round(max(numbers), 2) + 0.0  # never "-0.0"


def without_note(notes: dict[str, str]) -> tuple[dict[str, str], tuple[float, float] | None]:
    """Separate the range from the other notes of a file, even if several ranges are joined in the note.

    Args:
        notes: notes of a file.

    Returns:
        the other notes, and the range; None if there is none. A note with other text is not removed.
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

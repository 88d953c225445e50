"""Columns of labels, as people's tables have them: class numbers, glosses, or a mixture.

pandas writes a column of whole numbers with gaps as 0.0, 1.0, 10.0, and a gap as nothing or "nan".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from masa_data.errors import DataError
from masa_data.tracks.track import NO_LABEL

# No corpus has so many classes; and the file stores four bytes.
MAX_LABEL: Final = 10**9

_WHOLE: Final = re.compile(r"([+-]?\d{1,20})(?:\.0*)?", re.ASCII)
# What stands for no number among numbers; among words "none" is a sign.
_GAPS: Final = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>"})


def whole_number(text: str) -> int | None:
    """The whole number that a text is, "7" or "7.0"; None if it is none."""
    match = _WHOLE.fullmatch(text.strip())
    return int(match.group(1)) if match else None


def without_point(text: str) -> str:
    """The text "7.0" as "7", any other as it is: for signers' numbers, and for numbers among glosses."""
    number = whole_number(text) if "." in text else None
    return text if number is None else str(number)


def are_numbers(texts: Iterable[str]) -> bool:
    """Whether a column holds whole numbers and gaps only."""
    known = {text.strip().lower() for text in texts}
    numbers = {text for text in known if whole_number(text) is not None}
    return known - numbers <= (_GAPS if numbers else {""})


def class_number(text: str) -> int:
    """The class number in a column of numbers; -1 for a gap.

    Raises:
        DataError: if it cannot be the number of a class.
    """
    number = NO_LABEL if text.strip().lower() in _GAPS else whole_number(text)
    if number is None or not NO_LABEL <= number < MAX_LABEL:
        raise DataError(
            f"found the label {text[:40]!r}, expected a number from 0, or nothing", "Correct the row"
        )
    return number

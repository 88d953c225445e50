"""Columns of labels in tables: class numbers, glosses, or a mixture.

pandas writes integer columns with missing values as 0.0, 1.0, 10.0, and a missing value as "" or "nan".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from masa_data.errors import DataError
from masa_data.tracks.track import NO_LABEL

# Larger than any corpus needs; labels are stored in four bytes.
MAX_LABEL: Final = 10**9

_WHOLE: Final = re.compile(r"([+-]?\d{1,20})(?:\.0*)?", re.ASCII)
# Texts for a missing number in a column of numbers; in a column of glosses, "none" is a sign.
_GAPS: Final = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>"})


def whole_number(text: str) -> int | None:
    """Return the integer in a text, "7" or "7.0"; None if it is not an integer."""
    match = _WHOLE.fullmatch(text.strip())
    return int(match.group(1)) if match else None


def without_point(text: str) -> str:
    """Return "7" for the text "7.0" and other texts unchanged; for signers and numbers in glosses."""
    number = whole_number(text) if "." in text else None
    return text if number is None else str(number)


def are_numbers(texts: Iterable[str]) -> bool:
    """Return whether a column contains only integers and missing values."""
    known = {text.strip().lower() for text in texts}
    numbers = {text for text in known if whole_number(text) is not None}
    return known - numbers <= (_GAPS if numbers else {""})


def class_number(text: str) -> int:
    """Return the class number in a column of numbers; -1 if it is missing.

    Raises:
        DataError: if the text is not a valid class number.
    """
    number = NO_LABEL if text.strip().lower() in _GAPS else whole_number(text)
    if number is None or not NO_LABEL <= number < MAX_LABEL:
        raise DataError(
            f"found the label {text[:40]!r}, expected a number from 0, or nothing", "Correct the row"
        )
    return number

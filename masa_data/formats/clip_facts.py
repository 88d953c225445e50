"""Properties of clips, read from files that users may have changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from masa_data.corpora.clip import SPLIT_NAMES
from masa_data.corpora.sources import is_unicode
from masa_data.errors import DataError
from masa_data.tracks.track import INFO_FIELDS, NO_LABEL

TEXT_FIELDS: Final = ("id", "path", "corpus", "gloss", "split", "signer", "source_sha256")
_MAX_TEXT: Final = 4096
_LIMITS: Final = {
    "label": (NO_LABEL, 10**9),
    "width": (1, 10**5),
    "height": (1, 10**5),
    "start": (0, 2**31),
    "end": (0, 2**31),
}
_WORDS: Final = {"true": True, "false": False, "1": True, "0": False, "": False}


def read_facts(values: Mapping[str, object], where: str, advice: str) -> dict[str, Any]:
    """Return the fields of ClipInfo that are given, after checking their types and ranges.

    Args:
        values: texts or numbers by field name; other names and None are ignored.
        where: file and clip, for errors.
        advice: advice for errors.

    Raises:
        DataError: if a value is not valid.
    """
    facts: dict[str, Any] = {}
    for name in INFO_FIELDS:
        value = values.get(name)
        if value is None:
            continue
        fact = _fact(name, value.item() if isinstance(value, np.generic) else value)
        if fact is None:
            expected = "a text" if name in TEXT_FIELDS else "a number"
            raise DataError(
                f"{where}: found the {name} {ascii(value)[:40]}, expected "
                + ("train, val, test or nothing" if name == "split" else f"{expected} in the valid range"),
                advice,
            )
        facts[name] = fact
    return facts


def _fact(name: str, value: object) -> str | int | float | bool | None:
    """Return the value of a field; None if it is not valid."""
    if name == "split":
        return SPLIT_NAMES.get(value.lower(), None if value else "") if isinstance(value, str) else None
    if name in TEXT_FIELDS:
        sound = isinstance(value, str) and len(value) <= _MAX_TEXT and "\0" not in value and is_unicode(value)
        return str(value) if sound else None
    if name == "several_people":
        return _WORDS.get(str(value).lower())
    try:
        number = float(str(value).replace(",", ".") or "nan")  # Excel may have written a decimal comma
    except ValueError:
        return None
    if name == "fps":
        return number if math.isnan(number) or 0 < number <= 1000 else None
    low, high = _LIMITS[name]
    return int(number) if low <= number < high and number == int(number) else None

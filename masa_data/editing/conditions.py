"""Conditions on the properties of clips: `split=train`, `gloss=book,tea`, `frames>=16`, `id~book/*`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.texts import one_form
from masa_data.tracks.track import INFO_FIELDS, NAMES

_CONDITION: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL)
_FIELDS: Final = (*INFO_FIELDS, "frames")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a property of a clip.

    Attributes:
        field: a field of ClipInfo, or "frames", the length of the clip.
        sign: =, !=, <, <=, >, >= or ~ (matches a pattern with * and ?).
        values: one value; for = and !=, several alternatives are allowed.
    """

    field: str
    sign: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Parse a condition like "gloss=book,tea".

        Raises:
            DataError: if the text is not a condition, or names a field that clips do not have.
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise DataError(
                f"found the condition {text!a}, expected FIELD=VALUE or one of != < <= > >= ~ instead of =",
                "Put it in quotes: {where}",
                where="'frames>=16'",
            )
        name, sign, value = match.groups()
        if name not in _FIELDS:
            near = get_close_matches(name, _FIELDS, n=1, cutoff=0) or list(_FIELDS)
            raise DataError(
                f"clips have no field {name!r}", f"Did you mean {near[0]}? All: {', '.join(_FIELDS)}"
            )
        value = one_form(value) if name in NAMES else value
        return cls(name, sign, tuple(value.split(",")) if sign in ("=", "!=") else (value,))

    def mask(self, tracks: PoseShards) -> NDArray[np.bool_]:
        """Return (N,) whether each clip fulfills it. An unknown number (a frame rate) only fulfills !=.

        Raises:
            DataError: if a number is expected and the value is another text.
        """
        column = tracks.lengths if self.field == "frames" else tracks.column(self.field)
        if column.dtype == object:
            return self._text_mask(column)
        if self.sign == "~":
            raise DataError(f"{self.field} is a number and cannot match a pattern", "Use = < or >")
        numbers = [self._number(value) for value in self.values]
        if self.sign in ("=", "!="):
            found = np.isin(column, numbers)
            return found if self.sign == "=" else ~found
        return _compared(column, self.sign, numbers[0])

    def unmet(self, tracks: PoseShards) -> list[str]:
        """Return a line for each value that no clip has: it may be misspelled, and other values hide this."""
        column = tracks.lengths if self.field == "frames" else tracks.column(self.field)
        if column.dtype != object or self.sign not in ("=", "!="):
            return []
        there = sorted(set(column.tolist()))
        lines = []
        for value in self.values:
            if value not in there:
                near = get_close_matches(value, there, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                lines.append(f"no clip has the {self.field} {value!r}{meant}")
        return lines

    def _text_mask(self, column: NDArray[Any]) -> NDArray[np.bool_]:
        if self.sign == "~":
            fits = re.compile(translate(self.values[0])).fullmatch
            return np.array([fits(text) is not None for text in column.tolist()], bool)
        if self.sign in ("=", "!="):
            wanted = set(self.values)
            found = np.array([text in wanted for text in column.tolist()], bool)
            return found if self.sign == "=" else ~found
        raise DataError(
            f"{self.field} is a text and cannot be compared with < or >", "Compare it with =, != or ~"
        )

    def _number(self, value: str) -> float:
        words = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
        try:
            return words[value.strip().lower()] if value.strip().lower() in words else float(value)
        except ValueError:
            raise DataError(f"found {value!a} for {self.field}, expected a number", "Correct it") from None


def _compared(column: NDArray[Any], sign: str, number: float) -> NDArray[np.bool_]:
    if sign == "<":
        return np.asarray(column < number)
    if sign == "<=":
        return np.asarray(column <= number)
    return np.asarray(column > number if sign == ">" else column >= number)


def mask_of(tracks: PoseShards, conditions: tuple[Condition, ...]) -> NDArray[np.bool_]:
    """Return (N,) whether each clip of a dataset fulfills all conditions.

    Raises:
        DataError: as for `Condition.mask`.
    """
    chosen = np.ones(len(tracks), bool)
    for condition in conditions:
        chosen &= condition.mask(tracks)
    return chosen

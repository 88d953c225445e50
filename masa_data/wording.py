"""Numbers and names in a line for people."""

from __future__ import annotations


def counted(number: int, what: str, many: str = "") -> str:
    """A number with its noun: "1 clip", "1,200 clips".

    Args:
        number: how many.
        what: the noun for one.
        many: for several; by default `what` with an s.
    """
    return f"{number:,} {what if number == 1 else many or what + 's'}"

"""Texts: one form for those that read alike, what can be printed of them, and numbers with their nouns."""

from __future__ import annotations

import unicodedata


def one_form(text: str) -> str:
    """The text in Unicode's composed form (NFC), in which texts that read alike are equal.

    A Mac names a folder "é" with two characters, Linux with one.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    """The text with "?" for control characters, which XML forbids and terminals obey; line ends stay."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def counted(number: int, what: str, many: str = "") -> str:
    """A number with its noun: "1 clip", "1,200 clips".

    Args:
        number: how many.
        what: the noun for one.
        many: for several; by default `what` with an s.
    """
    return f"{number:,} {what if number == 1 else many or what + 's'}"

"""Texts: a common form for equal texts, printable texts, and numbers with nouns."""

from __future__ import annotations

import unicodedata


def one_form(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), in which texts that look the same are equal.

    A Mac writes "é" in a folder's name as two characters, Linux as one.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    """Replace control characters, which XML forbids and terminals obey, by "?"; newlines are kept."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def counted(number: int, what: str, many: str = "") -> str:
    """Return a number with its noun: "1 clip", "1,200 clips".

    Args:
        number: the number.
        what: the noun in the singular.
        many: the plural; "" = `what` with an s.
    """
    return f"{number:,} {what if number == 1 else many or what + 's'}"

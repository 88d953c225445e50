"""One form for texts that read alike: a Mac names a folder "é" with two characters, Linux with one."""

from __future__ import annotations

import unicodedata


def one_form(text: str) -> str:
    """The text in Unicode's composed form (NFC), in which texts that read alike are equal."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)

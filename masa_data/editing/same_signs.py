"""Joining glosses of several corpora that mean the same into one class, by a table of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from masa_data.classes.classes import OFFICIAL
from masa_data.classes.splits import number_glosses
from masa_data.corpora.csv_table import read_csv
from masa_data.errors import DataError
from masa_data.texts import one_form
from masa_data.tracks.track import NO_LABEL, ClipInfo

COLUMNS: Final = ("corpus", "gloss", "sign")
# Corpus of joined classes, if the user names no other.
JOINED: Final = "joined"


def read_same_signs(path: Path) -> dict[tuple[str, str], str]:
    """Read which gloss of which corpus is which sign, from a CSV with the columns `corpus,gloss,sign`.

    Args:
        path: the table. The same text as sign of several rows joins their glosses.

    Returns:
        the sign of each corpus and gloss.

    Raises:
        DataError: if a column is missing, a value is empty, or a gloss has two signs.
        OSError: if it cannot be read.
    """
    table = read_csv(path)
    if set(table.columns) != set(COLUMNS):
        raise DataError(
            f"{path}:1: found the columns {', '.join(table.columns)[:80] or 'none'}, expected "
            f"{', '.join(COLUMNS)}",
            "Write the names of the columns in the first line",
        )
    signs: dict[tuple[str, str], str] = {}
    for line, row in table.rows():
        corpus, gloss, sign = (one_form(row[name].strip()) for name in COLUMNS)
        if not (corpus and gloss and sign):
            raise DataError(f"{path}:{line}: found an empty value, expected three", "Complete the row")
        if signs.setdefault((corpus, gloss), sign) != sign:
            raise DataError(
                f"{path}:{line}: found the signs {signs[corpus, gloss]!r} and {sign!r} for {gloss!r} of "
                f"{corpus}, expected one",
                "Remove one of the rows",
            )
    return signs


def join_signs(
    infos: Sequence[ClipInfo], signs: Mapping[tuple[str, str], str], corpus: str = JOINED
) -> list[ClipInfo]:
    """Give clips of joined glosses a common corpus and gloss; other clips do not change.

    Args:
        infos: the clips.
        signs: sign of each corpus and gloss.
        corpus: corpus of the joined classes; they are numbered alphabetically within it.

    Returns:
        the clips in the same order.

    Raises:
        DataError: if the corpus's list numbers its classes, which other numbers would contradict.

    Example:
        >>> info = ClipInfo("69241", "69241.mp4", "wlasl", "book", width=640, height=360, end=75)
        >>> join_signs([info], {("wlasl", "book"): "BOOK"})[0].gloss
        'BOOK'
    """
    if corpus in OFFICIAL:
        raise DataError(
            f"found {corpus!r} as the name of joined classes, expected a new name", "Choose another"
        )
    joined = []
    for info in infos:
        sign = signs.get((info.corpus, one_form(info.gloss)))
        joined.append(info if sign is None else replace(info, corpus=corpus, gloss=sign, label=NO_LABEL))
    return number_glosses(joined)

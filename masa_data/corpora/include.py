"""INCLUDE: 263 words of Indian Sign Language, `Adjectives/4. sad/MVI_9568.MOV`.

`{train,test}_include.csv` have the columns `Category,Word,Video,FilePath`. INCLUDE-50 is 50 of the words,
with a division into train and test of its own, in `{train,test}_include50.csv`. The gloss is the word without
the number of its folder. Names of videos occur in several folders, and copies of the corpus write the
category differently ("Days and Time", "Days_and_Time"), so a clip is found by its folder and name. A clip's
id is its path without the extension. The lists name no signer.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from masa_data.corpora.annotations import Fields, find_file, none_found
from masa_data.corpora.clip import Clip
from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.locating import add_located, path_below, usable_table_rows
from masa_data.corpora.split_lists import find_split_lists

CORPUS: Final = "include"

_LISTS: Final = {"train": "train_include.csv", "test": "test_include.csv"}
_LISTS_50: Final = {"train": "train_include50.csv", "test": "test_include50.csv"}
_ADVICE: Final = "Download the list again"
_COLUMNS: Final = ("Word", "FilePath")
_NUMBER: Final = re.compile(r"(?:\d+|Ex)\.\s*")


def list_include(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of INCLUDE, or of INCLUDE-50, train before test.

    Args:
        root: folder of the categories; they may be in any folder below it.
        annotations: the folder of the lists, or one list, which stands for its pair: with
            `train_include50.csv` or `test_include50.csv`, the clips and splits of INCLUDE-50 are listed.

    Raises:
        DataError: if no list is found or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS)
    is_file = annotations is not None and annotations.is_file()
    folder = annotations.parent if annotations is not None and is_file else annotations
    names = _LISTS
    if annotations is not None and is_file:
        names = next((names for names in (_LISTS, _LISTS_50) if annotations.name in names.values()), {})
    elif not any(find_file(root, folder, (name,)) for name in names.values()):
        names = _LISTS_50
    if not names or not any(find_file(root, folder, (name,)) for name in names.values()):
        raise none_found(root, folder, (*_LISTS.values(), *_LISTS_50.values()))
    lists = find_split_lists(root, folder, names, listing)
    rows = [
        row
        for split, path in lists.items()
        for row in usable_table_rows(listing, path, _COLUMNS, partial(_clip, split=split), _ADVICE)
    ]
    add_located(listing, root, rows, lambda source: f"{source.parent}/{source.stem}")
    return listing


def _clip(fields: Fields, split: str) -> Clip:
    below = path_below(fields.where, fields.text("FilePath"), "one like Adjectives/4. sad/MVI_9568.MOV")
    gloss = _NUMBER.sub("", fields.text("Word"), count=1)
    if not gloss:
        raise fields.error("no word", "one")
    return Clip(str(Path(below).with_suffix("")), Path(), below, CORPUS, gloss=gloss, split=split)

"""AUTSL: 226 signs of Turkish Sign Language, `train/signer0_sample1_color.mp4`.

`{train,validation,test}_labels.csv` have rows `signer0_sample1,41` without a header. The class number is the
ClassId of `SignList_ClassId_TR_EN.csv`, whose Turkish word is the gloss. A clip's id is `signer0_sample1`.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from masa_data.classes.subsets import AUTSL_CLASSES, SUBSETS
from masa_data.corpora.annotations import find_file, label_in
from masa_data.corpora.clip import Clip
from masa_data.corpora.csv_table import read_csv
from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.locating import add_located, usable_rows
from masa_data.corpora.split_lists import find_split_lists
from masa_data.errors import DataError

CORPUS: Final = "autsl"

_LISTS: Final = {"train": "train_labels.csv", "val": "validation_labels.csv", "test": "test_labels.csv"}
_SIGNS: Final = "SignList_ClassId_TR_EN.csv"
_NOWHERE: Final = Path()
_NAME: Final = re.compile(r"(signer\d{1,3})_sample\d{1,5}", re.ASCII)


def list_autsl(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of AUTSL, in the order train, val, test.

    Args:
        root: folder of the videos; they may be in any folder below it.
        annotations: folder of the lists, or one list.

    Raises:
        DataError: if no list is found or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS, subsets=SUBSETS[CORPUS])
    lists = find_split_lists(root, annotations, _LISTS, listing)
    signs = find_file(root, next(iter(lists.values())).parent, (_SIGNS,))
    glosses = _read_signs(signs) if signs else {}

    def read(where: str, line: str, split: str) -> Clip:
        name, _, number = line.partition(",")
        match, label = _NAME.fullmatch(name), label_in(number.strip(), AUTSL_CLASSES)
        if match is None or label is None:
            expected = f"signer0_sample1 and a label from 0 to {AUTSL_CLASSES - 1}"
            raise DataError(f"{where}: found {line[:60]!r}, expected {expected}", "Correct the row")
        return Clip(
            name,
            _NOWHERE,
            f"{split}/{name}_color.mp4",
            CORPUS,
            gloss=glosses.get(label, ""),
            label=label,
            split=split,
            signer=match.group(1),
        )

    rows = [
        row for split, path in lists.items() for row in usable_rows(listing, path, partial(read, split=split))
    ]
    add_located(
        listing,
        root,
        rows,
        lambda source: source.stem.removesuffix("_color"),
        lambda source: source.stem.endswith("_depth"),
    )
    return listing


def _read_signs(path: Path) -> dict[int, str]:
    """Return the Turkish word of each class; an English word occurs twice, so it cannot be the gloss."""
    table = read_csv(path)
    if not {"ClassId", "TR"} <= set(table.columns):
        raise DataError(
            f"{path}:1: found the columns {', '.join(table.columns)[:60]}, expected ClassId, TR, EN",
            "Download the list again",
        )
    glosses = {}
    for line, row in table.rows():
        label = label_in(row["ClassId"], AUTSL_CLASSES)
        if label is None:
            raise DataError(
                f"{path}:{line}: found the ClassId {row['ClassId'][:40]!r}, expected 0 to "
                f"{AUTSL_CLASSES - 1}",
                "Correct the row",
            )
        glosses[label] = row["TR"].strip()
    return glosses

"""GSL, isolated: 310 glosses of Greek Sign Language, folders of images.

`{train,val,test}_greek_iso.csv` have rows `police1_signer1_rep1_glosses/glosses0000|ΓΕΙΑ`: the folder of the
clip's frames, which is the clip's id, and its gloss. Signer 3 is val and test, the other six are train.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from masa_data.corpora.clip import Clip
from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.locating import add_located, path_below, usable_rows
from masa_data.corpora.split_lists import find_split_lists
from masa_data.errors import DataError

CORPUS: Final = "gsl"

_LISTS: Final = {split: f"{split}_greek_iso.csv" for split in ("train", "val", "test")}
_NOWHERE: Final = Path()
_SIGNER: Final = re.compile(r"_(signer\d{1,3})_", re.ASCII)


def list_gsl(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the isolated clips of GSL, in the order train, val, test.

    Args:
        root: folder of the frames; they may be in any folder below it.
        annotations: folder of the lists, or one list.

    Raises:
        DataError: if no list is found or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS)
    lists = find_split_lists(root, annotations, _LISTS, listing)
    rows = [
        row
        for split, path in lists.items()
        for row in usable_rows(listing, path, partial(_clip, split=split))
    ]
    add_located(listing, root, rows, lambda source: f"{source.parent}/{source.stem}")
    return listing


def _clip(where: str, line: str, split: str) -> Clip:
    text, _, gloss = line.rpartition("|")
    below = path_below(where, text.strip(), "the folder of a clip, | and its gloss")
    signer = _SIGNER.search(text)
    if not gloss.strip() or signer is None or below.count("/") != 1:
        raise DataError(
            f"{where}: found {line[:60]!r}, expected police1_signer1_rep1_glosses/glosses0000, | and a gloss",
            "Correct the row",
        )
    return Clip(below, _NOWHERE, below, CORPUS, gloss=gloss.strip(), split=split, signer=signer.group(1))

"""ASL Citizen: 2,731 glosses of American Sign Language, `ASL_Citizen/videos/*.mp4`.

`splits/{train,val,test}.csv` have the columns `Participant ID,Video file,Gloss,ASL-LEX Code`. The gloss is
that of the list, never that of the file name, which has the prompt instead (`…-seedGLOSS.mp4`). A clip's id
is the name of its video without the extension.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from masa_data.corpora.annotations import Fields
from masa_data.corpora.clip import Clip
from masa_data.corpora.listing import CorpusListing
from masa_data.corpora.locating import add_located, usable_table_rows
from masa_data.corpora.split_lists import find_split_lists

CORPUS: Final = "asl-citizen"

_LISTS: Final = {split: f"{split}.csv" for split in ("train", "val", "test")}
_ADVICE: Final = "Give the folder of ASL Citizen's own lists with {annotations}"
_COLUMNS: Final = ("Participant ID", "Video file", "Gloss")


def list_asl_citizen(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of ASL Citizen, in the order train, val, test.

    Args:
        root: folder of the videos; they may be in any folder below it.
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
        for row in usable_table_rows(listing, path, _COLUMNS, partial(_clip, split=split), _ADVICE)
    ]
    add_located(listing, root, rows, lambda source: source.stem)
    return listing


def _clip(fields: Fields, split: str) -> Clip:
    name, gloss = fields.name("Video file"), fields.text("Gloss")
    if not gloss:
        raise fields.error("no gloss", "the sign's name")
    return Clip(
        Path(name).stem,
        Path(),
        f"videos/{name}",
        CORPUS,
        gloss=gloss,
        split=split,
        signer=fields.text("Participant ID"),
    )

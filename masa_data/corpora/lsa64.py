"""LSA64: 64 signs of Argentinian Sign Language, 10 signers × 5 repetitions, `001_001_001.mp4`.

A clip's name is its id and contains sign, signer and repetition, each counted from 1; the label is the sign's
number less 1. `lsa64_signs.md`, with rows `01|Opaque|R|`, has the glosses. The corpus has no split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from masa_data.classes.subsets import LSA64_CLASSES, SUBSETS
from masa_data.corpora.annotations import find_file, label_in, read_lines
from masa_data.corpora.clip import Clip
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.locating import add_located
from masa_data.errors import DataError

CORPUS: Final = "lsa64"
SIGNERS: Final = 10
REPETITIONS: Final = 5

_SIGNS: Final = ("lsa64_signs.md", "lsa64_signs.es.md")


def list_lsa64(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of LSA64 by sign, signer and repetition. No clip has a split.

    Args:
        root: folder of the videos; they may be in any folder below it.
        annotations: the list of signs, or its folder; without it, the clips have no gloss.

    Raises:
        DataError: if the list of signs cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS, subsets=SUBSETS[CORPUS])
    signs = find_file(root, annotations, _SIGNS)
    glosses = _read_signs(signs) if signs else {}
    where = f"the corpus's {LSA64_CLASSES} × {SIGNERS} × {REPETITIONS} clips"
    rows = [
        Row(_clip(sign, signer, repetition, glosses), False, where)
        for sign in range(1, LSA64_CLASSES + 1)
        for signer in range(1, SIGNERS + 1)
        for repetition in range(1, REPETITIONS + 1)
    ]
    add_located(listing, root, rows, lambda source: source.stem)
    return listing


def _clip(sign: int, signer: int, repetition: int, glosses: dict[int, str]) -> Clip:
    name = f"{sign:03d}_{signer:03d}_{repetition:03d}"
    return Clip(
        name,
        Path(),
        f"{name}.mp4",
        CORPUS,
        gloss=glosses.get(sign, ""),
        label=sign - 1,
        signer=f"{signer:03d}",
    )


def _read_signs(path: Path) -> dict[int, str]:
    """Return the gloss of each sign, by the sign's number, from 1."""
    glosses = {}
    for number, line in read_lines(path):
        text, _, rest = line.partition("|")
        sign, gloss = label_in(text.strip(), LSA64_CLASSES + 1), rest.partition("|")[0].strip()
        if not sign or not gloss:
            raise DataError(
                f"{path}, row {number}: found {line[:60]!r}, expected a number from 1 to {LSA64_CLASSES}, |, "
                "and a word",
                "Correct the row",
            )
        glosses[sign] = gloss
    return glosses

"""The classes of a dataset: how many clips of each there are in every split, and which of them to show."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.shards.reader import PoseShards
from masa_data.track import NO_LABEL, SPLITS

SPLIT_COLUMNS: Final = (*SPLITS, "")


@dataclass(frozen=True, slots=True)
class GlossEntry:
    """One class, or, among clips without a label, one gloss.

    Attributes:
        corpus: its corpus.
        gloss: text of the sign; "" if unknown.
        label: class number; -1 if the clips have none.
        counts: clips in train, val, test and without a split.
        clips: numbers of its clips, the one that shows most of the hands first.
    """

    corpus: str
    gloss: str
    label: int
    counts: tuple[int, ...]
    clips: list[int]


def list_glosses(tracks: PoseShards, no_hands: NDArray[np.floating]) -> list[GlossEntry]:
    """All classes, by gloss.

    Args:
        tracks: an open dataset.
        no_hands: (N,) the share of every clip's frames without a hand.
    """
    corpora, labels, glosses, splits = (
        tracks.column(name).tolist() for name in ("corpus", "label", "gloss", "split")
    )
    members: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for number, (corpus, label, gloss) in enumerate(zip(corpora, labels, glosses, strict=True)):
        # A class may be written in several ways ("book", "Book"); its number says it is one.
        members[corpus, label, gloss if label == NO_LABEL else ""].append(number)
    entries = [
        GlossEntry(
            corpus,
            glosses[clips[0]],
            label,
            tuple(sum(splits[number] == split for number in clips) for split in SPLIT_COLUMNS),
            sorted(clips, key=lambda number: no_hands[number]),
        )
        for (corpus, label, _), clips in members.items()
    ]
    return sorted(entries, key=lambda entry: (entry.gloss.casefold(), entry.corpus, entry.label))

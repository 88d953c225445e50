"""The classes of a dataset: how many clips of each there are in every split, and which of them to show."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.classes.classes import SignClass
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.tracks.track import NO_LABEL, SPLITS

SPLIT_COLUMNS: Final = (*SPLITS, "")


@dataclass(frozen=True, slots=True)
class GlossEntry:
    """One class, or the clips of a corpus that have none.

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
    clips = PoseDataset([tracks])
    classes, places = clips.classes()
    splits = tracks.column("split").tolist()
    members: dict[SignClass, list[int]] = defaultdict(list)
    corpora = tracks.column("corpus").tolist()
    for number, place in enumerate(places.tolist()):
        members[classes[place] if place >= 0 else SignClass(corpora[number], NO_LABEL, "")].append(number)
    entries = [
        GlossEntry(
            one.corpus,
            one.gloss,
            one.label,
            tuple(sum(splits[number] == split for number in numbers) for split in SPLIT_COLUMNS),
            sorted(numbers, key=lambda number: no_hands[number]),
        )
        for one, numbers in members.items()
    ]
    return sorted(entries, key=lambda entry: (entry.gloss.casefold(), entry.corpus, entry.label))

"""The classes of a dataset: number of clips in every split, and the order of clips for display."""

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
    """One class, or the clips of a corpus without a class.

    Attributes:
        corpus: name of the corpus.
        gloss: text of the sign; "" = unknown.
        label: class number; -1 = none.
        counts: number of clips in train, val, test and without a split.
        clips: numbers of its clips, those with the most frames with hands first.
    """

    corpus: str
    gloss: str
    label: int
    counts: tuple[int, ...]
    clips: list[int]


def list_glosses(tracks: PoseShards, no_hands: NDArray[np.floating]) -> list[GlossEntry]:
    """List all classes, sorted by gloss.

    Args:
        tracks: an open dataset.
        no_hands: (N,) share of frames without a hand for each clip, in 0..1.
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

"""Fewer clips of each class, the same ones for the same seed."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards


def subsample(
    tracks: PoseShards,
    among: NDArray[np.bool_],
    *,
    per_class: int | None = None,
    share: float | None = None,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Choose clips of each class and split.

    The order in which clips are taken depends on their ids and the seed alone, so what is chosen with a
    smaller number is part of what is chosen with a larger one.

    Args:
        tracks: the dataset.
        among: (N,) clips to choose from; all others are kept.
        per_class: how many to take, if there are as many; None = as many as `share` says.
        share: 0..1, what part to take, rounded up, so that no class vanishes.
        seed: another one chooses others.

    Returns:
        (N,) which clips are kept.
    """
    groups: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    corpora, splits = (tracks.column(name).tolist() for name in ("corpus", "split"))
    places = PoseDataset([tracks]).classes()[1].tolist()
    for number in np.flatnonzero(among).tolist():
        groups[corpora[number], places[number], splits[number]].append(number)
    ids = tracks.column("id").tolist()
    kept = ~among
    for members in groups.values():
        members.sort(key=lambda number: hashlib.sha256(f"{seed} {ids[number]}".encode()).digest())
        count = per_class if per_class is not None else math.ceil((share or 0) * len(members) - 1e-9)
        kept[members[:count]] = True
    return kept

"""Selection of fewer clips per class; the same seed selects the same clips."""

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

    The order of selection depends only on the clips' ids and the seed, so a smaller selection is always a
    part of a larger one.

    Args:
        tracks: the dataset.
        among: (N,) clips to choose from; all others are kept.
        per_class: number of clips per class and split, or fewer if there are not enough; None = use `share`.
        share: share of the clips in 0..1, rounded up, so that every class keeps a clip.
        seed: random seed of the selection.

    Returns:
        (N,) whether each clip is kept.
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

"""Clips that are in two corpora under two names, found by their content and by their motion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.near_duplicates import describe, find_near_duplicates
from masa_data.shards.dataset import PoseDataset


@dataclass(frozen=True, slots=True)
class Leak:
    """Two clips of different corpora that seem to be the same recording.

    Attributes:
        first: number of a clip.
        second: number of the other clip.
        same: "content": the same video or the same keypoints to the bit; "motion": near-duplicates.
    """

    first: int
    second: int
    same: Literal["content", "motion"]


def find_leaks(clips: PoseDataset) -> list[Leak]:
    """Find the clips that are in two corpora. Every clip is read, which takes about 0.5 ms each.

    The content of a video, if its hash is known, and that of the keypoints are compared, then the motion of
    the clips. For each clip, the most similar clip of another corpus is considered.

    Args:
        clips: clips of all splits, also of those that are not used for training.

    Returns:
        the pairs, each once, sorted by the numbers of the clips.
    """
    corpora = clips.column("corpus")
    descriptions = np.stack([describe(clips[number]) for number in range(len(clips))])
    seen = np.asarray(np.isfinite(descriptions).any(axis=(1, 2, 3)))
    pairs: dict[tuple[int, int], Literal["content", "motion"]] = {}
    partners = find_near_duplicates(descriptions, corpora).partner
    for number in np.flatnonzero(partners >= 0).tolist():
        pairs[_ordered(number, int(partners[number]))] = "motion"
    for group in _same_content(clips, seen):
        for number in group:  # with one other clip each, since a group can be large
            other = next((other for other in group if corpora[other] != corpora[number]), None)
            if other is not None:
                pairs[_ordered(number, other)] = "content"
    return [Leak(*pair, same) for pair, same in sorted(pairs.items())]


def _ordered(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)


def _same_content(clips: PoseDataset, seen: NDArray[np.bool_]) -> Iterator[list[int]]:
    """Yield groups of clips with the same keypoints or of the same part of the same video."""
    # Where nobody was found, all clips of a length have the same keypoints: none.
    frames = (
        (number, (int(crc), int(length)))
        for number, (crc, length) in enumerate(zip(clips.column("crc32"), clips.lengths, strict=True))
        if seen[number]
    )
    columns = zip(*(clips.column(name).tolist() for name in ("source_sha256", "start", "end")), strict=True)
    sources = ((number, key) for number, key in enumerate(columns) if key[0])
    yield from _groups(frames)
    yield from _groups(sources)


def _groups(keys: Iterable[tuple[int, Hashable]]) -> Iterator[list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in keys:
        groups[key].append(number)
    yield from (group for group in groups.values() if len(group) > 1)

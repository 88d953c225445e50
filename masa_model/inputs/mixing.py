"""The clips of an epoch if corpora are mixed by shares instead of by their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_model.settings.mix import parse_mix

# Distinguishes these random numbers from those of other purposes with the same seed.
_PURPOSE: Final = 0x313C


@dataclass(frozen=True, slots=True)
class Mixture:
    """Corpora and how many clips of each an epoch has; its length is the number of clips of an epoch.

    Attributes:
        members: the clip numbers of each corpus, by its name.
        counts: number of clips of each corpus in an epoch.
    """

    members: Mapping[str, NDArray[np.int64]]
    counts: Mapping[str, int]

    def __len__(self) -> int:
        return sum(self.counts.values())

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """Return the clip numbers of an epoch in random order; they depend only on the arguments.

        The clips of a corpus are used one after the other in an order that is drawn again when all were used.
        So all clips of a corpus are used equally often, up to once, even if an epoch has a part of them.

        Args:
            seed: seed of the run.
            epoch: number of the epoch, from 0.
        """
        chosen = [self._part(name, place, seed, epoch) for place, name in enumerate(sorted(self.members))]
        clips = np.concatenate(chosen)
        return clips[np.random.Generator(np.random.PCG64([seed, epoch])).permutation(len(clips))]

    def _part(self, name: str, place: int, seed: int, epoch: int) -> NDArray[np.int64]:
        clips, count = self.members[name], self.counts[name]
        first, end = epoch * count, (epoch + 1) * count
        rounds = range(first // len(clips), -(-end // len(clips)))
        drawn = [
            np.random.Generator(np.random.PCG64([seed, _PURPOSE, place, one])).permutation(clips)
            for one in rounds
        ]
        start = first - rounds.start * len(clips)
        return np.concatenate(drawn)[start : start + count]


def mixture_of(clips: PoseDataset, text: str) -> Mixture | None:
    """Return the mixture of a dataset's corpora; None if the setting is empty: then each clip is used once.

    An epoch has as many clips as without a mixture. The number of each corpus's clips is its share of that.

    Args:
        clips: the training clips.
        text: the setting `data.mix`. Corpora are found without regard to case and hyphens.

    Raises:
        DataError: if a name is not that of a corpus of the clips, or a corpus has no share.
    """
    if not text:
        return None
    mix = parse_mix(text)
    corpora = clips.column("corpus").astype(str)
    members = {str(name): np.flatnonzero(corpora == name) for name in np.unique(corpora)}
    shares = {name: len(numbers) ** (1 / mix.temperature) for name, numbers in members.items()}
    if mix.shares:
        shares = _found(mix.shares, list(members))
    return Mixture(members, _counts(shares, len(clips)))


def _found(shares: Mapping[str, float], corpora: list[str]) -> dict[str, float]:
    """Return the shares by the names that the corpora have in the files."""
    plain = {_plain(name): share for name, share in shares.items()}
    found = {name: shares.get(name, plain.get(_plain(name))) for name in corpora}
    known = {*corpora, *map(_plain, corpora)}
    if name := next((name for name in shares if not {name, _plain(name)} & known), ""):
        raise DataError(
            f"found a share of {name!r} in data.mix; the training clips are of {', '.join(corpora)}",
            "Correct the name, or add the file of this corpus",
        )
    if missing := [name for name, share in found.items() if share is None]:
        raise DataError(
            f"found no share of {missing[0]!r} in data.mix, expected one for each corpus of the clips",
            "Add it, or leave its clips out with masa-convert filter",
        )
    return {name: share for name, share in found.items() if share is not None}


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _counts(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Return whole numbers that add up to the total and are nearest to the shares; at least 1 of each."""
    whole = sum(shares.values())
    exact = {name: share / whole * total for name, share in shares.items()}
    counts = {name: max(1, int(number)) for name, number in exact.items()}
    for name in sorted(exact, key=lambda name: int(exact[name]) - exact[name]):
        if sum(counts.values()) < total:
            counts[name] += 1
    return counts

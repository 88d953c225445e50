"""Select the clips for pre-training, and record which ones were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.selection import Selection
from masa_data.shards.several import open_each, record_of


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The clips of a pre-training run.

    Attributes:
        clips: clips of the selected splits.
        counts: number of used clips and number of all clips for each (corpus, split).
    """

    clips: PoseDataset
    counts: dict[tuple[str, str], tuple[int, int]]

    @classmethod
    def of(cls, clips: PoseDataset, ratio: float = 1.0, seed: int = 0) -> TrainingData:
        """Choose a part of some clips, and count them.

        Args:
            clips: clips that may be used.
            ratio: fraction of each corpus's clips that is used (Fig. 2); the choice is random.
            seed: random seed of the choice.
        """
        chosen = clips.part(_share_of_each_corpus(clips, ratio, seed)) if ratio < 1 else clips
        there = Counter(
            pair
            for tracks in clips.files
            for pair in zip(tracks.column("corpus").tolist(), tracks.column("split").tolist(), strict=True)
        )
        used = Counter(zip(chosen.column("corpus").tolist(), chosen.column("split").tolist(), strict=True))
        return cls(chosen, {pair: (used[pair], there[pair]) for pair in sorted(there)})

    def record(self) -> dict[str, object]:
        """Return the content of the run's data.json."""
        return {
            **record_of(self.clips.files),
            "clips": len(self.clips),
            "frames": int(self.clips.lengths.sum()),
            "used": {
                f"{corpus}/{split or 'none'}": n for (corpus, split), (n, _) in self.counts.items() if n
            },
        }


def open_training_data(
    paths: Sequence[Path],
    splits: Sequence[str],
    ratio: float = 1.0,
    seed: int = 0,
    *,
    any_estimator: bool = False,
) -> TrainingData:
    """Open files and select the clips of some splits.

    Args:
        paths: files of pose tracks.
        splits: some of "train", "val", "test" and "none".
        ratio: fraction of each corpus's clips that is used (Fig. 2); the choice is random.
        seed: random seed of the choice.
        any_estimator: whether the files may be of different pose estimators.

    Returns:
        the selected clips and their numbers.

    Raises:
        DataError: if a file cannot be used, the files cannot be used together, or no clip is selected.
    """
    files = open_each(paths)
    chosen = PoseDataset(files, Selection(splits=splits), any_estimator=any_estimator)
    if not len(chosen):
        there = {split for tracks in files for split in tracks.column("split").tolist()}
        found = ", ".join(sorted(split or "none" for split in there))
        raise DataError(
            f"no clip is of split {' or '.join(splits)}; the files have {found}",
            "Change the setting data.splits, or assign splits with masa-convert split",
        )
    return TrainingData.of(chosen, ratio, seed)


def _share_of_each_corpus(clips: PoseDataset, ratio: float, seed: int) -> np.ndarray:
    corpora = clips.column("corpus").astype(str)
    order = np.random.Generator(np.random.PCG64([seed, 0xDA7A])).permutation(len(clips))
    kept = [
        among[: max(1, round(ratio * len(among)))]
        for among in (order[corpora[order] == corpus] for corpus in np.unique(corpora))
    ]
    return np.sort(np.concatenate(kept))

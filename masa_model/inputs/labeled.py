"""Clips with class numbers: what a recognizer learns from and is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from masa_data.classes.classes import SignClass
from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.shards.selection import Selection
from masa_data.shards.several import open_each
from masa_model.settings.finetune import FinetuneDataSettings

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Classes:
    """What a recognizer tells apart; `masa_data.classes.classes` says what a class is.

    Attributes:
        pairs: (corpus, label) of each class, in the order of its outputs.
        glosses: its text, in the same order.
    """

    pairs: tuple[tuple[str, int], ...]
    glosses: tuple[str, ...]

    @classmethod
    def of(cls, clips: PoseDataset) -> Classes:
        """The classes that occur among clips."""
        found, _ = clips.classes()
        return cls(tuple((one.corpus, one.label) for one in found), tuple(one.gloss for one in found))

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def named(self) -> list[SignClass]:
        """Each class with all that is known of it."""
        return [SignClass(*pair, gloss) for pair, gloss in zip(self.pairs, self.glosses, strict=True)]

    def numbers_of(self, clips: PoseDataset) -> NDArray[np.int64]:
        """(N,) the class of each clip, UNKNOWN if it is none of these.

        Raises:
            DataError: if the clips' files mean other signs by official numbers.
        """
        return clips.places_among(self.named)


@dataclass(frozen=True, slots=True)
class LabeledClips:
    """Clips and their classes.

    Attributes:
        clips: N of them.
        targets: (N,) class numbers, UNKNOWN for a class that the recognizer does not have.
    """

    clips: PoseDataset
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.clips)


@dataclass(frozen=True, slots=True)
class FinetuneData:
    """What a run learns from, and by what it is chosen.

    Attributes:
        train: every clip has a class.
        val: clips of known classes; may be empty.
        classes: those of the training clips.
    """

    train: LabeledClips
    val: LabeledClips
    classes: Classes

    def record(self) -> dict[str, object]:
        """What goes into the run's data.json."""
        files = self.train.clips.files
        return {
            "files": [str(tracks.path.absolute()) for tracks in files],
            "fingerprints": [tracks.fingerprint for tracks in files],
            "train": len(self.train),
            "val": len(self.val),
            "classes": len(self.classes),
        }


def open_finetune_data(
    paths: Sequence[Path], settings: FinetuneDataSettings, seed: int = 0, begun_with: Classes | None = None
) -> FinetuneData:
    """Open files and take the clips to learn from.

    Args:
        paths: files of pose tracks.
        settings: which subset, which splits, how many clips a class.
        seed: of the draw of `shots` clips.
        begun_with: the classes of a run that goes on, in the order of its outputs; None = of the clips.

    Raises:
        DataError: if a file cannot be used, files do not go together, there is nothing to learn from, or the
            classes are not those that the run was begun with.
    """
    files = open_each(paths)
    train = select_clips(files, settings.subset, settings.train, any_estimator=settings.any_estimator)
    classes = Classes.of(train)
    if begun_with is not None:
        _check_same_classes(classes, begun_with, train)
        classes = begun_with
    if len(classes) < 2:
        raise DataError(
            f"the clips to learn from have {len(classes)} labels, expected two at least",
            "Give labels with masa-convert relabel, or name folders of videos after their glosses",
        )
    kept = draw_shots(classes.numbers_of(train), settings.shots, seed)
    train = train.part(kept)
    val_splits = [split for split in settings.val if split not in settings.train]
    val = PoseDataset(
        files, Selection(settings.subset, splits=val_splits), any_estimator=settings.any_estimator
    )
    val = val.part(np.flatnonzero(classes.numbers_of(val) != UNKNOWN))
    return FinetuneData(
        LabeledClips(train, classes.numbers_of(train)), LabeledClips(val, classes.numbers_of(val)), classes
    )


def _check_same_classes(found: Classes, expected: Classes, train: PoseDataset) -> None:
    others = (expected.numbers_of(train) == UNKNOWN) & (found.numbers_of(train) != UNKNOWN)
    if len(found) != len(expected) or others.any():
        raise DataError(
            f"the clips to learn from are of {len(found)} classes, which are not the {len(expected)} that "
            "the run was begun with",
            "Name the same files, or begin a new run",
        )


def select_clips(
    files: Sequence[PoseShards], subset: str | None, splits: Sequence[str], *, any_estimator: bool = False
) -> PoseDataset:
    """The clips of a subset and some splits.

    Args:
        files: open.
        subset: a name, or None for all.
        splits: of "train", "val", "test" and "none".
        any_estimator: whether the files may be of different estimators.

    Raises:
        DataError: if files do not go together; if there are no such clips, saying whether the subset or the
            split is absent.
    """
    chosen = PoseDataset(files, Selection(subset, splits=splits), any_estimator=any_estimator)
    if not len(chosen):
        of_subset = PoseDataset(files, Selection(subset), any_estimator=any_estimator)
        there = sorted({split or "none" for split in of_subset.column("split").tolist()})
        if not there:
            raise DataError(
                f"no clip is of subset {subset}", "Name another subset; masa-inspect shows what is there"
            )
        raise DataError(
            f"no clip is of split {' or '.join(splits)}; there is {', '.join(there)}",
            "Name another split, or give splits with masa-convert split",
        )
    return chosen


def draw_shots(labels: NDArray[np.int64], shots: int | None, draw: int) -> NDArray[np.int64]:
    """Numbers of some clips of each class, all if it has fewer; clips without a class are left out."""
    if shots is None:
        return np.flatnonzero(labels >= 0)
    order = np.random.Generator(np.random.PCG64([shots, draw])).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sorted_labels = labels[order]
    first = np.searchsorted(sorted_labels, sorted_labels)
    rank = np.arange(len(order)) - first
    return np.sort(order[(rank < shots) & (sorted_labels >= 0)])

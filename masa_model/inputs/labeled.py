"""Clips with class numbers, for training and evaluating a recognizer."""

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
from masa_data.shards.several import open_each, record_of
from masa_model.settings.finetune import FinetuneDataSettings

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a recognizer; see `masa_data.classes.classes` for the definition of a class.

    Attributes:
        pairs: (corpus, label) of each class, in the order of the network's outputs.
        glosses: gloss (text) of each class, in the same order.
    """

    pairs: tuple[tuple[str, int], ...]
    glosses: tuple[str, ...]

    @classmethod
    def of(cls, clips: PoseDataset) -> Classes:
        """Return the classes of some clips."""
        found, _ = clips.classes()
        return cls(tuple((one.corpus, one.label) for one in found), tuple(one.gloss for one in found))

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def named(self) -> list[SignClass]:
        """Each class with its corpus, label and gloss."""
        return [SignClass(*pair, gloss) for pair, gloss in zip(self.pairs, self.glosses, strict=True)]

    def numbers_of(self, clips: PoseDataset) -> NDArray[np.int64]:
        """Return the class number of each clip.

        Args:
            clips: N clips.

        Returns:
            (N,) class numbers; UNKNOWN for a clip of any other class.

        Raises:
            DataError: if the clips' files use the same official label numbers for other signs.
        """
        return clips.places_among(self.named)


@dataclass(frozen=True, slots=True)
class LabeledClips:
    """Clips and their class numbers.

    Attributes:
        clips: N clips.
        targets: (N,) class numbers; UNKNOWN for a class that the recognizer does not have.
    """

    clips: PoseDataset
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.clips)


@dataclass(frozen=True, slots=True)
class FinetuneData:
    """The clips of a fine-tuning run.

    Attributes:
        train: training clips; every clip has a class.
        val: validation clips, which choose the best epoch; all are of known classes; can be empty.
        classes: classes of the training clips.
    """

    train: LabeledClips
    val: LabeledClips
    classes: Classes

    @classmethod
    def of(
        cls, train: PoseDataset, val: PoseDataset, classes: Classes, shots: int | None, seed: int
    ) -> FinetuneData:
        """Choose the training clips, and number the classes of the clips.

        Args:
            train: clips to choose from.
            val: validation clips; those of other classes are left out.
            classes: the classes.
            shots: number of training clips for each class; None = all.
            seed: random seed of the choice.
        """
        train = train.part(draw_shots(classes.numbers_of(train), shots, seed))
        val = val.part(np.flatnonzero(classes.numbers_of(val) != UNKNOWN))
        return cls(
            LabeledClips(train, classes.numbers_of(train)),
            LabeledClips(val, classes.numbers_of(val)),
            classes,
        )

    def record(self) -> dict[str, object]:
        """Return the content of the run's data.json."""
        return {
            **record_of(self.train.clips.files),
            "train": len(self.train),
            "val": len(self.val),
            "classes": len(self.classes),
        }


def open_finetune_data(
    paths: Sequence[Path], settings: FinetuneDataSettings, seed: int = 0, begun_with: Classes | None = None
) -> FinetuneData:
    """Open files and select training and validation clips.

    Args:
        paths: files of pose tracks.
        settings: settings of the subset, the splits and the number of clips for each class.
        seed: random seed of the choice of `shots` clips.
        begun_with: classes of a resumed run, in the order of its outputs; None = the classes of the clips.

    Returns:
        the clips and their classes.

    Raises:
        DataError: if a file cannot be used, the files cannot be used together, there are fewer than two
            classes, or the classes differ from those that the run was started with.
    """
    files = open_each(paths)
    train = select_clips(files, settings.subset, settings.train, any_estimator=settings.any_estimator)
    classes = Classes.of(train)
    if begun_with is not None:
        _check_same_classes(classes, begun_with, train)
        classes = begun_with
    if len(classes) < 2:
        raise DataError(
            f"the training clips have {len(classes)} labels, expected at least two",
            "Add labels with masa-convert relabel, or name folders of videos after their glosses",
        )
    val_splits = [split for split in settings.val if split not in settings.train]
    val = PoseDataset(
        files, Selection(settings.subset, splits=val_splits), any_estimator=settings.any_estimator
    )
    return FinetuneData.of(train, val, classes, settings.shots, seed)


def _check_same_classes(found: Classes, expected: Classes, train: PoseDataset) -> None:
    others = (expected.numbers_of(train) == UNKNOWN) & (found.numbers_of(train) != UNKNOWN)
    if len(found) != len(expected) or others.any():
        raise DataError(
            f"the training clips have {len(found)} classes, which differ from the {len(expected)} that "
            "the run was started with",
            "Give the same files, or start a new run",
        )


def select_clips(
    files: Sequence[PoseShards], subset: str | None, splits: Sequence[str], *, any_estimator: bool = False
) -> PoseDataset:
    """Select the clips of a subset and some splits.

    Args:
        files: open files of pose tracks.
        subset: name of a subset of labels; None = all labels.
        splits: some of "train", "val", "test" and "none".
        any_estimator: whether the files may be of different pose estimators.

    Returns:
        the selected clips, at least one.

    Raises:
        DataError: if the files cannot be used together; if no clip is found: the message says whether the
            subset or the split is missing.
    """
    chosen = PoseDataset(files, Selection(subset, splits=splits), any_estimator=any_estimator)
    if not len(chosen):
        of_subset = PoseDataset(files, Selection(subset), any_estimator=any_estimator)
        there = sorted({split or "none" for split in of_subset.column("split").tolist()})
        if not there:
            raise DataError(
                f"no clip is of subset {subset}", "Use another subset; masa-inspect lists the subsets"
            )
        raise DataError(
            f"no clip is of split {' or '.join(splits)}; found {', '.join(there)}",
            "Use another split, or assign splits with masa-convert split",
        )
    return chosen


def draw_shots(labels: NDArray[np.int64], shots: int | None, draw: int) -> NDArray[np.int64]:
    """Choose a number of clips of each class at random.

    Args:
        labels: class number of each clip; clips with a negative number are not chosen.
        shots: number of clips for each class; a class with fewer clips uses all of them. None = all clips.
        draw: random seed of the choice.

    Returns:
        the numbers of the chosen clips, ascending.
    """
    if shots is None:
        return np.flatnonzero(labels >= 0)
    order = np.random.Generator(np.random.PCG64([shots, draw])).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    sorted_labels = labels[order]
    first = np.searchsorted(sorted_labels, sorted_labels)
    rank = np.arange(len(order)) - first
    return np.sort(order[(rank < shots) & (sorted_labels >= 0)])

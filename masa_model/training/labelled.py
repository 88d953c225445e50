"""Clips with class numbers: what a recogniser learns from and is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from masa_data.dataset import PoseDataset, Selection
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.shards.several import open_each
from masa_model.finetune_settings import FinetuneDataSettings
from masa_model.probe import draw_shots

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Classes:
    """What a recogniser tells apart.

    Attributes:
        pairs: (corpus, label) of each class, sorted.
        glosses: its text, in the same order.
    """

    pairs: tuple[tuple[str, int], ...]
    glosses: tuple[str, ...]

    @classmethod
    def of(cls, clips: PoseDataset) -> Classes:
        """The classes that occur among clips."""
        pairs, numbers = clips.classes()
        texts = clips.column("gloss").astype(str)
        glosses = dict(zip(numbers.tolist(), texts.tolist(), strict=True))
        return cls(tuple(pairs), tuple(glosses[number] for number in range(len(pairs))))

    def __len__(self) -> int:
        return len(self.pairs)

    def numbers_of(self, clips: PoseDataset) -> NDArray[np.int64]:
        """(N,) the class of each clip, UNKNOWN if it is none of these."""
        place = {pair: number for number, pair in enumerate(self.pairs)}
        pairs = zip(clips.column("corpus").tolist(), clips.column("label").tolist(), strict=True)
        return np.array([place.get(pair, UNKNOWN) for pair in pairs], np.int64)


@dataclass(frozen=True, slots=True)
class LabelledClips:
    """Clips and their classes.

    Attributes:
        clips: N of them.
        targets: (N,) class numbers, UNKNOWN for a class that the recogniser does not have.
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

    train: LabelledClips
    val: LabelledClips
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


def open_finetune_data(paths: Sequence[Path], settings: FinetuneDataSettings, seed: int = 0) -> FinetuneData:
    """Open files and take the clips to learn from.

    Args:
        paths: files of pose tracks.
        settings: which subset, which splits, how many clips a class.
        seed: of the draw of `shots` clips.

    Raises:
        DataError: if a file cannot be used, files do not go together, or there is nothing to learn from.
    """
    files = open_each(paths)
    train = select_clips(files, settings.subset, settings.train)
    classes = Classes.of(train)
    if len(classes) < 2:
        raise DataError(
            f"the clips to learn from have {len(classes)} labels, expected two at least",
            "Give labels with masa-convert relabel, or name folders of videos after their glosses",
        )
    kept = draw_shots(classes.numbers_of(train), settings.shots, seed)
    train = train.part(kept)
    val_splits = [split for split in settings.val if split not in settings.train]
    val = PoseDataset(files, Selection(settings.subset, splits=val_splits))
    val = val.part(np.flatnonzero(classes.numbers_of(val) != UNKNOWN))
    return FinetuneData(
        LabelledClips(train, classes.numbers_of(train)), LabelledClips(val, classes.numbers_of(val)), classes
    )


def select_clips(files: Sequence[PoseShards], subset: str | None, splits: Sequence[str]) -> PoseDataset:
    """The clips of a subset and some splits.

    Args:
        files: open.
        subset: a name, or None for all.
        splits: of "train", "val", "test" and "none".

    Raises:
        DataError: if there are none, saying whether the subset or the split is absent.
    """
    of_subset = PoseDataset(files, Selection(subset))
    there = sorted({split or "none" for split in of_subset.column("split").tolist()})
    if not len(of_subset):
        corpora = sorted({name for tracks in files for name in tracks.column("corpus").tolist()})
        raise DataError(
            f"no clip is of subset {subset}; the files hold the corpora {', '.join(corpora)}",
            "Name another subset or file; masa-inspect shows what is there",
        )
    wanted = ["" if split == "none" else split for split in splits]
    chosen = PoseDataset(files, Selection(subset, splits=wanted))
    if not len(chosen):
        raise DataError(
            f"no clip is of split {' or '.join(splits)}; there is {', '.join(there)}",
            "Name another split, or give splits with masa-convert split",
        )
    return chosen


def content_keys(clips: PoseDataset) -> NDArray[np.int64]:
    """What tells clips apart by content: (N, 2), by their keypoints, and by their source where it is known.

    Ids, labels and splits play no part, so a clip is known again under another name or in another file.
    """
    frames = (clips.column("crc32").astype(np.int64) << 24) ^ clips.lengths
    sources = frames.copy()
    columns = [clips.column(name).tolist() for name in ("source_sha256", "start", "end")]
    for number, (sha256, start, end) in enumerate(zip(*columns, strict=True)):
        if sha256:
            digest = hashlib.sha256(f"{sha256} {start} {end}".encode()).digest()
            sources[number] = int.from_bytes(digest[:8], "big", signed=True)
    return np.stack([frames, sources], 1)

"""Views over one or several files: a subset, a corpus, a split, signers; all files as one dataset."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.subsets import SUBSETS
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.shards.several import open_each
from masa_data.track import NO_LABEL, ClipInfo, PoseTrack


@dataclass(frozen=True, slots=True)
class Selection:
    """Which clips of a dataset to use; None = any.

    Attributes:
        subset: "wlasl100", "msasl500", "confusing", …: the labels of one corpus (corpora/subsets.py).
        corpora: names of corpora.
        splits: of "train", "val", "test" and "" (no split).
        signers: names of signers.
        variants: labels of "confusing" and "normal" where a file overrides them (nmfs_csl.read_variants).
    """

    subset: str | None = None
    corpora: Collection[str] | None = None
    splits: Collection[str] | None = None
    signers: Collection[str] | None = None
    variants: Mapping[str, Collection[int]] | None = None

    def mask(self, tracks: PoseShards) -> NDArray[np.bool_]:
        """(N,) which clips of a file are selected.

        Raises:
            DataError: if there is no such subset.
        """
        chosen = np.ones(len(tracks), bool)
        for column, values in (("corpus", self.corpora), ("split", self.splits), ("signer", self.signers)):
            if values is not None:
                chosen &= np.isin(tracks.column(column).astype(str), list(values))
        if self.subset is not None:
            corpus, labels = _subset(self.subset, self.variants or {})
            chosen &= (tracks.column("corpus") == corpus) & np.isin(tracks.column("label"), list(labels))
        return chosen


class PoseDataset(Sequence[PoseTrack]):
    """The selected clips of one or several files, numbered through.

    Attributes:
        files: the open files.
        file_of: (N,) which file each clip is in.
        number_in_file: (N,) its number there.
        lengths: (N,) frames of each clip.
    """

    def __init__(self, files: Sequence[PoseShards], selection: Selection | None = None) -> None:
        """Select from open files.

        Args:
            files: at least one.
            selection: which clips; None = all.

        Raises:
            DataError: if the files hold different estimators or samplings, or there is no such subset.
        """
        self.files = tuple(files)
        for other in self.files[1:]:
            differences = self.files[0].provenance.differences(other.provenance)
            if differences:
                raise DataError(
                    f"{self.files[0].path} and {other.path} were made differently ({'; '.join(differences)})",
                    "Extract them with the same estimator and sampling",
                )
        chosen = [np.flatnonzero((selection or Selection()).mask(tracks)) for tracks in self.files]
        self.file_of = np.repeat(np.arange(len(chosen)), [len(numbers) for numbers in chosen])
        self.number_in_file = np.concatenate(chosen)
        self.lengths = np.concatenate(
            [tracks.lengths[numbers] for tracks, numbers in zip(self.files, chosen, strict=True)]
        )

    @classmethod
    def open(
        cls,
        *paths: str | Path,
        subset: str | None = None,
        corpora: Collection[str] | None = None,
        splits: Collection[str] | None = None,
        signers: Collection[str] | None = None,
        variants: Mapping[str, Collection[int]] | None = None,
    ) -> PoseDataset:
        """Open files and select from them: `PoseDataset.open("out.h5", subset="wlasl100", splits=["train"])`.

        Args:
            paths: one or several files.
            subset: see Selection, as for the others.
            corpora: names of corpora.
            splits: names of splits.
            signers: names of signers.
            variants: overrides of "confusing" and "normal".

        Raises:
            DataError: if a file cannot be used (`PoseShards.open`), files do not go together, or there is no
                such subset.
        """
        selection = Selection(subset, corpora, splits, signers, variants)
        return cls(open_each(paths), selection)

    def part(self, numbers: NDArray[np.integer]) -> PoseDataset:
        """Only some of the clips.

        Args:
            numbers: which, in the order wanted.
        """
        chosen = copy.copy(self)
        chosen.file_of = self.file_of[numbers]
        chosen.number_in_file = self.number_in_file[numbers]
        chosen.lengths = self.lengths[numbers]
        return chosen

    def __len__(self) -> int:
        return len(self.number_in_file)

    def __getitem__(self, number: int) -> PoseTrack:  # type: ignore[override]  # no slices: tracks are read one by one
        return self.files[int(self.file_of[number])].track(int(self.number_in_file[number]))

    def info(self, number: int) -> ClipInfo:
        """What is known about clip `number`."""
        return self.files[int(self.file_of[number])].info(int(self.number_in_file[number]))

    def frames_of(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """The frames of several clips as they are stored, one after the other; see `PoseShards.frames_of`.

        Args:
            numbers: (n,) of the clips, in any order.

        Returns:
            (F, 49, 2) positions and (F, 49) confidence, copied.
        """
        if len(self.files) == 1:
            return self.files[0].frames_of(self.number_in_file[numbers].tolist())
        found = [
            self.files[file].frames_of([number])
            for file, number in zip(
                self.file_of[numbers].tolist(), self.number_in_file[numbers].tolist(), strict=True
            )
        ]
        return np.concatenate([clip[0] for clip in found]), np.concatenate([clip[1] for clip in found])

    def forget_pages(self) -> None:
        """Give back the memory of what was read; see `PoseShards.forget_pages`."""
        for tracks in self.files:
            tracks.forget_pages()

    def column(self, name: str) -> NDArray[np.generic]:
        """(N,) what is known about all selected clips; see `PoseShards.column`."""
        values = [tracks.column(name) for tracks in self.files]
        found = np.empty(len(self), np.result_type(*values))
        for file, value in enumerate(values):
            here = self.file_of == file
            found[here] = value[self.number_in_file[here]]
        return found

    def classes(self) -> tuple[list[tuple[str, int]], NDArray[np.int64]]:
        """Classes are pairs (corpus, label), so that labels of different corpora never mix.

        Returns:
            the pairs that occur, sorted, and (N,) each clip's place among them; -1 for clips without a label.
        """
        pairs = list(zip(self.column("corpus").tolist(), self.column("label").tolist(), strict=True))
        found = sorted({pair for pair in pairs if pair[1] != NO_LABEL})
        place = {pair: number for number, pair in enumerate(found)}
        return found, np.array([place.get(pair, -1) for pair in pairs], np.int64)

    def shares(self) -> dict[str, float]:
        """Each corpus's share of the clips."""
        counts = Counter(self.column("corpus").tolist())
        return {corpus: count / len(self) for corpus, count in counts.most_common()}


def _subset(name: str, variants: Mapping[str, Collection[int]]) -> tuple[str, Collection[int]]:
    """The corpus and the labels of a subset."""
    known = {
        subset: (corpus, labels) for corpus, subsets in SUBSETS.items() for subset, labels in subsets.items()
    }
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0) or list(known)
        raise DataError(f"there is no subset {name!r}", f"Did you mean {near[0]}? All: {', '.join(known)}")
    corpus, labels = known[name]
    return corpus, variants.get(name, labels)

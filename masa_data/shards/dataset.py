"""One or several files as one dataset, or a part of it: a subset, a corpus, a split, signers."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from masa_data.classes.classes import ClassIndex, SignClass, completed_files, distinct
from masa_data.classes.conflicts import class_notes, refuse_contradictions
from masa_data.errors import DataError
from masa_data.shards.joining import check_go_together, join_estimators
from masa_data.shards.overview import ClipOverview, unknown_clip
from masa_data.shards.reader import PoseShards
from masa_data.shards.selection import Selection
from masa_data.shards.several import open_each
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.track import ClipInfo, PoseTrack


class PoseDataset(ClipOverview, Sequence[PoseTrack]):
    """The selected clips of one or several files, numbered consecutively.

    `dataset[3]` and `dataset["id"]` are clips. `dataset[10:20]`, `dataset[["a", "b"]]` and
    `dataset[dataset.lengths > 30]` are datasets of some of the clips; they read and copy no data.

    Attributes:
        files: the open files.
        file_of: (N,) index of the file of each clip.
        number_in_file: (N,) number of each clip in its file.
        lengths: (N,) number of frames of each clip.
        any_estimator: whether the files may have different estimators.
    """

    def __init__(
        self, files: Sequence[PoseShards], selection: Selection | None = None, *, any_estimator: bool = False
    ) -> None:
        """Select from open files.

        Args:
            files: at least one file.
            selection: the clips to use; None = all.
            any_estimator: whether the files may have different estimators.

        Raises:
            DataError: if the files have different estimators or samplings, or the selected subset, split,
                corpus or signer does not exist.
        """
        self.files = tuple(files)
        selection = selection or Selection()
        selection.check(self.files)
        self.any_estimator = any_estimator
        check_go_together(
            [(tracks.path, tracks.provenance) for tracks in self.files], any_estimator=any_estimator
        )
        chosen = [np.flatnonzero(selection.mask(tracks)) for tracks in self.files]
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
        any_estimator: bool = False,
    ) -> PoseDataset:
        """Open files and select from them: `PoseDataset.open("out.h5", subset="wlasl100", splits=["train"])`.

        Args:
            paths: one or several files.
            subset: name of a subset; see `Selection` for this and the other conditions.
            corpora: names of corpora.
            splits: names of splits.
            signers: names of signers.
            variants: labels that replace those of "confusing" and "normal".
            any_estimator: whether the files may have different estimators.

        Raises:
            DataError: if a file cannot be used (`PoseShards.open`), files cannot be used together, or the
                subset, split, corpus or signer does not exist.
        """
        selection = Selection(subset, corpora, splits, signers, variants)
        return cls(open_each(paths), selection, any_estimator=any_estimator)

    @property
    def estimator(self) -> EstimatorIdentity:
        """The estimator of the keypoints of all files together."""
        return join_estimators(tracks.provenance.estimator for tracks in self.files)

    def part(self, numbers: NDArray[np.integer]) -> PoseDataset:
        """Return a dataset of some of the clips.

        Args:
            numbers: numbers of the clips, in the wanted order.
        """
        chosen = copy.copy(self)
        chosen.file_of = self.file_of[numbers]
        chosen.number_in_file = self.number_in_file[numbers]
        chosen.lengths = self.lengths[numbers]
        chosen.__dict__.pop("_numbers", None)
        return chosen

    def __len__(self) -> int:
        return len(self.number_in_file)

    @overload
    def __getitem__(self, which: int | str) -> PoseTrack: ...  # type: ignore[overload-overlap]  # a text is one id
    @overload
    def __getitem__(self, which: slice | Sequence[int] | Sequence[str] | NDArray[Any]) -> PoseDataset: ...
    def __getitem__(
        self, which: int | str | slice | Sequence[int] | Sequence[str] | NDArray[Any]
    ) -> PoseTrack | PoseDataset:
        """Return a clip, or a dataset of some of the clips.

        Args:
            which: a number or an id for one clip; a slice, numbers, ids or an (N,) array of booleans for a
                dataset.

        Raises:
            IndexError: if there is no clip of this number.
            UnknownClipError: if there is no clip of this id; the message shows similar ids.
            DataError: if several files have a clip of this id.
        """
        if isinstance(which, str):
            which = self._number_of(which)
        if isinstance(which, (int, np.integer)):
            return self.files[int(self.file_of[which])].track(int(self.number_in_file[which]))
        if isinstance(which, slice):
            return self.part(np.arange(len(self))[which])
        numbers = [self._number_of(one) if isinstance(one, str) else one for one in which]
        chosen = np.asarray(numbers, np.int64 if len(numbers) == 0 else None)
        return self.part(np.arange(len(self))[chosen])

    def __contains__(self, clip: object) -> bool:
        return clip in self._numbers if isinstance(clip, str) else super().__contains__(clip)

    def _number_of(self, clip_id: str) -> int:
        found = self._numbers.get(clip_id)
        if not found:
            raise unknown_clip(clip_id, self._numbers, ", ".join(str(tracks.path) for tracks in self.files))
        if len(found) > 1:
            raise DataError(
                f"found {len(found)} clips with the id {clip_id!r}, expected one",
                "Give the clip by its number, or open its file alone",
            )
        return found[0]

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        numbers: dict[str, list[int]] = {}
        for number, clip_id in enumerate(self.column("id").tolist()):
            numbers.setdefault(clip_id, []).append(number)
        return numbers

    def _sources(self) -> dict[str, str]:
        sources = [tracks._sources() for tracks in self.files]
        if not all(sources):
            return {}
        return {
            "files": ", ".join(source["file"] for source in sources),
            "estimator": ", ".join(dict.fromkeys(source["estimator"] for source in sources)),
        }

    def info(self, number: int) -> ClipInfo:
        """Return the properties of clip `number`."""
        return self.files[int(self.file_of[number])].info(int(self.number_in_file[number]))

    def frames_of(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Return the stored frames of several clips, concatenated; see `PoseShards.frames_of`.

        Args:
            numbers: (n,) numbers of the clips, in any order.

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
        """Release the memory of data that was read; see `PoseShards.forget_pages`."""
        for tracks in self.files:
            tracks.forget_pages()

    def column(self, name: str) -> NDArray[Any]:
        """Return a property of all selected clips as (N,); see `PoseShards.column`."""
        values = [tracks.column(name) for tracks in self.files]
        found = np.empty(len(self), np.result_type(*values))
        for file, value in enumerate(values):
            here = self.file_of == file
            found[here] = value[self.number_in_file[here]]
        return found

    def classes(self) -> tuple[list[SignClass], NDArray[np.int64]]:
        """Return the classes of the clips, independent of the files; see `masa_data.classes.classes`.

        Returns:
            the classes, sorted by corpus and number, or by gloss if the files' numbers differ; and (N,) the
            index of each clip's class among them, -1 for clips without a class.

        Raises:
            DataError: if two files use one official number for different signs.
        """
        refuse_contradictions(self.file_classes)
        own = self._own_classes()
        found = distinct(own)
        return found, _places(own, found)

    def places_among(self, known: Sequence[SignClass], whose: str = "the recognizer") -> NDArray[np.int64]:
        """Return (N,) the index of each clip's class in a list, for example of a recognizer; -1 = not in it.

        Args:
            known: the list of classes.
            whose: description of the list in errors.

        Raises:
            DataError: if a file and the list use one official number for different signs.
        """
        refuse_contradictions({whose: known, **self.file_classes})
        return _places(self._own_classes(), known)

    @cached_property
    def file_classes(self) -> dict[str, frozenset[SignClass]]:
        """Return path of each file → the classes of its clips, selected or not."""
        return {
            str(tracks.path): frozenset(names) for tracks, names in zip(self.files, self._names, strict=True)
        }

    @cached_property
    def _names(self) -> list[list[SignClass]]:
        """Return the class of each clip, by file."""
        found = []
        for tracks in self.files:
            memo: dict[tuple[str, int, str], SignClass] = {}
            columns = (tracks.column(name).tolist() for name in ("corpus", "label", "gloss"))
            found.append([memo.setdefault(row, SignClass(*row)) for row in zip(*columns, strict=True)])
        whole = completed_files(found)
        return [[names[one] for one in file] for names, file in zip(whole, found, strict=True)]

    def _own_classes(self) -> list[SignClass]:
        pairs = zip(self.file_of.tolist(), self.number_in_file.tolist(), strict=True)
        return [self._names[file][number] for file, number in pairs]

    def class_notes(self) -> list[str]:
        """Return notes about unusual classes in the files that can still be used, one line each."""
        return class_notes(self.file_classes)

    def shares(self) -> dict[str, float]:
        """Return the share of the clips of each corpus."""
        counts = Counter(self.column("corpus").tolist())
        return {corpus: count / len(self) for corpus, count in counts.most_common()}


def _places(own: Sequence[SignClass], known: Sequence[SignClass]) -> NDArray[np.int64]:
    index = ClassIndex(known)
    place = {one: index.place(one) for one in set(own)}
    return np.array([place[one] for one in own], np.int64)

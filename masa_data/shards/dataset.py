"""Views over one or several files: a subset, a corpus, a split, signers; all files as one dataset."""

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
    """The selected clips of one or several files, numbered through.

    `dataset[3]` and `dataset["id"]` are clips. `dataset[10:20]`, `dataset[["a", "b"]]` and
    `dataset[dataset.lengths > 30]` are datasets of some of the clips; nothing is read or copied for them.

    Attributes:
        files: the open files.
        file_of: (N,) which file each clip is in.
        number_in_file: (N,) its number there.
        lengths: (N,) frames of each clip.
        any_estimator: whether the files may be of different estimators.
    """

    def __init__(
        self, files: Sequence[PoseShards], selection: Selection | None = None, *, any_estimator: bool = False
    ) -> None:
        """Select from open files.

        Args:
            files: at least one.
            selection: which clips; None = all.
            any_estimator: whether the files may be of different estimators.

        Raises:
            DataError: if the files hold different estimators or samplings, or there is no such subset,
                split, corpus or signer.
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
            subset: see Selection, as for the others.
            corpora: names of corpora.
            splits: names of splits.
            signers: names of signers.
            variants: overrides of "confusing" and "normal".
            any_estimator: whether the files may be of different estimators.

        Raises:
            DataError: if a file cannot be used (`PoseShards.open`), files do not go together, or there is no
                such subset, split, corpus or signer.
        """
        selection = Selection(subset, corpora, splits, signers, variants)
        return cls(open_each(paths), selection, any_estimator=any_estimator)

    @property
    def estimator(self) -> EstimatorIdentity:
        """What the keypoints of all files together are of."""
        return join_estimators(tracks.provenance.estimator for tracks in self.files)

    def part(self, numbers: NDArray[np.integer]) -> PoseDataset:
        """Only some of the clips.

        Args:
            numbers: which, in the order wanted.
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
        """A clip, or a dataset of some of the clips.

        Args:
            which: a number or an id for one clip; a slice, numbers, ids or an (N,) array of booleans for a
                dataset.

        Raises:
            IndexError: if there is no such number.
            UnknownClipError: if there is no clip of an id, naming the nearest.
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
                "Name the clip by its number, or open its file alone",
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

    def column(self, name: str) -> NDArray[Any]:
        """(N,) what is known about all selected clips; see `PoseShards.column`."""
        values = [tracks.column(name) for tracks in self.files]
        found = np.empty(len(self), np.result_type(*values))
        for file, value in enumerate(values):
            here = self.file_of == file
            found[here] = value[self.number_in_file[here]]
        return found

    def classes(self) -> tuple[list[SignClass], NDArray[np.int64]]:
        """The classes of the clips, the same however these lie in files; see `masa_data.classes.classes`.

        Returns:
            the classes that occur, sorted by corpus and number or, if files number differently, gloss, and
            (N,) each clip's place among them; -1 for clips without a class.

        Raises:
            DataError: if two files mean different signs by one official number.
        """
        refuse_contradictions(self.file_classes)
        own = self._own_classes()
        found = distinct(own)
        return found, _places(own, found)

    def places_among(self, known: Sequence[SignClass], whose: str = "the recognizer") -> NDArray[np.int64]:
        """(N,) the place of each clip's class among known ones, of training or of a recognizer; -1 = none.

        Args:
            known: the classes, in their order.
            whose: what they are called in an error.

        Raises:
            DataError: if a file and the known ones mean different signs by one official number.
        """
        refuse_contradictions({whose: known, **self.file_classes})
        return _places(self._own_classes(), known)

    @cached_property
    def file_classes(self) -> dict[str, frozenset[SignClass]]:
        """What each file calls the classes of its clips, selected or not, by the file's path."""
        return {
            str(tracks.path): frozenset(names) for tracks, names in zip(self.files, self._names, strict=True)
        }

    @cached_property
    def _names(self) -> list[list[SignClass]]:
        """By file, the class of each of its clips."""
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
        """What is odd about the files' classes and keeps nobody from using them, a line each."""
        return class_notes(self.file_classes)

    def shares(self) -> dict[str, float]:
        """Each corpus's share of the clips."""
        counts = Counter(self.column("corpus").tolist())
        return {corpus: count / len(self) for corpus, count in counts.most_common()}


def _places(own: Sequence[SignClass], known: Sequence[SignClass]) -> NDArray[np.int64]:
    index = ClassIndex(known)
    place = {one: index.place(one) for one in set(own)}
    return np.array([place[one] for one in own], np.int64)

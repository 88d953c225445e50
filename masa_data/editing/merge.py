"""Merging of datasets: their ids must differ; their class numbers must agree or are assigned again.

See `masa_data.classes.classes` for the identity of a class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np

from masa_data.classes.classes import OFFICIAL, SignClass, completed_files
from masa_data.classes.conflicts import class_notes, refuse_contradictions
from masa_data.editing.copying import Part
from masa_data.errors import DataError
from masa_data.shards.joining import check_go_together, join_provenances
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import NO_LABEL, ClipInfo

# For each gloss or number: its numbers or glosses in each dataset.
_Found: TypeAlias = dict[str | int, dict[int, set[str | int]]]


@dataclass(frozen=True, slots=True)
class Merge:
    """The plan of a merge.

    Attributes:
        parts: all clips of all datasets.
        provenance: provenance of the merged dataset.
        renumbered: corpora whose classes have new numbers.
        notes: notes about the classes of all datasets together, one line each.
    """

    parts: list[Part]
    provenance: Provenance
    renumbered: list[str]
    notes: list[str]


def merge(datasets: Sequence[PoseShards], *, prefix: bool = False, any_estimator: bool = False) -> Merge:
    """Plan the merge of datasets.

    If two datasets use one class number for different glosses, or different numbers for one gloss, the
    glosses of this corpus are numbered again in alphabetical order. This does not apply to WLASL and the
    other corpora with official class numbers.

    Args:
        datasets: at least two open datasets.
        prefix: whether the name of its file is added at the beginning of every id.
        any_estimator: whether keypoints of different estimators may be joined; the new file records this.

    Raises:
        DataError: if datasets have different estimators or samplings, share ids, use one official number for
            different signs, or number classes of a corpus differently that cannot be numbered again.
    """
    check_go_together([(tracks.path, tracks.provenance) for tracks in datasets], any_estimator=any_estimator)
    names = [f"{tracks.path.stem}/" if prefix else "" for tracks in datasets]
    _refuse_shared_ids(datasets, names)
    said = [_said(tracks) for tracks in datasets]
    together = {f"{tracks.path}": classes for tracks, classes in zip(datasets, said, strict=True)}
    refuse_contradictions(together)
    whole = completed_files(said)
    numbers = _new_numbers([set(classes.values()) for classes in whole])
    parts = [
        Part(tracks, np.arange(len(tracks)), _renewal(name, classes, numbers))
        for tracks, name, classes in zip(datasets, names, whole, strict=True)
    ]
    provenance = join_provenances([tracks.provenance for tracks in datasets])
    return Merge(parts, provenance, sorted(numbers), class_notes(together))


def _said(tracks: PoseShards) -> set[SignClass]:
    """Return the classes of the clips of a dataset."""
    columns = (tracks.column(name).tolist() for name in ("corpus", "label", "gloss"))
    return {SignClass(*row) for row in set(zip(*columns, strict=True))}


def _renewal(
    prefix: str, whole: dict[SignClass, SignClass], numbers: dict[str, dict[str, int]]
) -> Callable[[ClipInfo], ClipInfo]:
    def renewed(info: ClipInfo) -> ClipInfo:
        one = whole[SignClass(info.corpus, info.label, info.gloss)]
        label = one.label
        if one.corpus in numbers and one.gloss:
            label = numbers[one.corpus].get(one.gloss, one.label)
        return replace(info, id=prefix + info.id, label=label)

    return renewed


def _refuse_shared_ids(datasets: Sequence[PoseShards], prefixes: list[str]) -> None:
    where: dict[str, PoseShards] = {}
    for tracks, prefix in zip(datasets, prefixes, strict=True):
        for clip_id in tracks.column("id").tolist():
            other = where.setdefault(prefix + clip_id, tracks)
            if other is not tracks:
                raise DataError(
                    f"the clip {prefix + clip_id!r} is in {other.path} and in {tracks.path}, expected each "
                    "once",
                    "Give {prefix} to add the file's name to every id, or filter one of the files first",
                    prefix=True,
                )


def _new_numbers(datasets: Sequence[set[SignClass]]) -> dict[str, dict[str, int]]:
    """Return new numbers for the glosses of each corpus whose numbers disagree."""
    # For each corpus: the glosses of each number, and the numbers of each gloss, by dataset.
    glosses: dict[str, _Found] = defaultdict(lambda: defaultdict(dict))
    numbers: dict[str, _Found] = defaultdict(lambda: defaultdict(dict))
    nameless: dict[str, set[str | int]] = defaultdict(set)
    for place, classes in enumerate(datasets):
        for one in classes:
            if one.corpus in OFFICIAL or one.label == NO_LABEL:
                continue
            if one.gloss:
                glosses[one.corpus][one.label].setdefault(place, set()).add(one.gloss)
                numbers[one.corpus][one.gloss].setdefault(place, set()).add(one.label)
            else:
                nameless[one.corpus].add(one.label)
    disagreeing = [
        corpus
        for corpus in glosses
        if _disagree(glosses[corpus])
        or _disagree(numbers[corpus])
        or not nameless[corpus].isdisjoint(glosses[corpus])
    ]
    for corpus in disagreeing:
        if nameless[corpus]:
            raise DataError(
                f"the files number the classes of {corpus!r} differently, and some of its classes have no "
                "gloss",
                "Add glosses to both files, or give one of them another corpus",
            )
    return {
        corpus: {str(gloss): number for number, gloss in enumerate(sorted(numbers[corpus], key=str))}
        for corpus in disagreeing
    }


def _disagree(found: _Found) -> bool:
    """Return whether two datasets have values for the same key without a common value."""
    return any(
        mine.isdisjoint(other)
        for by_dataset in found.values()
        for mine, other in combinations(by_dataset.values(), 2)
    )

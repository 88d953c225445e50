"""Several datasets to one: their ids must differ, their classes must agree or be numbered anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np

from masa_data.corpora.named import CORPORA
from masa_data.errors import DataError
from masa_data.exchange.copying import Part
from masa_data.shards.joining import check_go_together, join_provenances
from masa_data.shards.reader import PoseShards
from masa_data.shards.spec import Provenance
from masa_data.track import NO_LABEL, ClipInfo

# Of a gloss or number: the numbers or glosses that each dataset has for it.
_Found: TypeAlias = dict[str | int, dict[int, set[str | int]]]


@dataclass(frozen=True, slots=True)
class Merge:
    """What there is to copy.

    Attributes:
        parts: all clips of all datasets.
        provenance: of the dataset they make together.
        renumbered: corpora whose classes got other numbers.
    """

    parts: list[Part]
    provenance: Provenance
    renumbered: list[str]


def merge(datasets: Sequence[PoseShards], *, prefix: bool = False, any_estimator: bool = False) -> Merge:
    """Plan how datasets become one.

    Where two of them give one class number to different glosses, or one gloss different numbers, the glosses
    of that corpus are numbered anew in alphabetical order; not so those of WLASL and the other corpora whose
    lists number them.

    Args:
        datasets: two or more, open.
        prefix: put the name of its file in front of every id.
        any_estimator: join keypoints of different estimators all the same; the new file says so.

    Raises:
        DataError: if they hold different estimators or samplings, share ids, or number classes of a corpus
            differently that cannot be numbered anew.
    """
    check_go_together([(tracks.path, tracks.provenance) for tracks in datasets], any_estimator=any_estimator)
    names = [f"{tracks.path.stem}/" if prefix else "" for tracks in datasets]
    _refuse_shared_ids(datasets, names)
    numbers = _new_numbers(datasets)
    parts = [
        Part(tracks, np.arange(len(tracks)), _renewal(name, numbers))
        for tracks, name in zip(datasets, names, strict=True)
    ]
    provenance = join_provenances([tracks.provenance for tracks in datasets])
    return Merge(parts, provenance, sorted(numbers))


def _renewal(prefix: str, numbers: dict[str, dict[str, int]]) -> Callable[[ClipInfo], ClipInfo]:
    def renewed(info: ClipInfo) -> ClipInfo:
        label = info.label
        if label != NO_LABEL and info.corpus in numbers:
            label = numbers[info.corpus][info.gloss]
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
                    "Give --prefix to put the file's name in front of every id, or filter one of them first",
                )


def _new_numbers(datasets: Sequence[PoseShards]) -> dict[str, dict[str, int]]:
    """Numbers of the glosses of each corpus whose numbers disagree."""
    # Of each corpus: what each dataset calls a number, and how it numbers a gloss.
    glosses: dict[str, _Found] = defaultdict(lambda: defaultdict(dict))
    numbers: dict[str, _Found] = defaultdict(lambda: defaultdict(dict))
    nameless: set[str] = set()
    for place, tracks in enumerate(datasets):
        columns = (tracks.column(name).tolist() for name in ("corpus", "gloss", "label"))
        for corpus, gloss, label in set(zip(*columns, strict=True)):
            if label != NO_LABEL and gloss:
                glosses[corpus][label].setdefault(place, set()).add(gloss)
                numbers[corpus][gloss].setdefault(place, set()).add(label)
            elif label != NO_LABEL:
                nameless.add(corpus)
    disagreeing = [corpus for corpus in glosses if _disagree(glosses[corpus]) or _disagree(numbers[corpus])]
    for corpus in disagreeing:
        if corpus in CORPORA or corpus in nameless:
            why = "some of its classes have no gloss" if corpus in nameless else "its lists number them"
            raise DataError(
                f"the files number the classes of {corpus!r} differently, and {why}",
                "Give both the same lists first: masa-convert relabel",
            )
    return {
        corpus: {str(gloss): number for number, gloss in enumerate(sorted(numbers[corpus], key=str))}
        for corpus in disagreeing
    }


def _disagree(found: _Found) -> bool:
    """Whether two datasets give one key values that have nothing in common."""
    return any(
        mine.isdisjoint(other)
        for by_dataset in found.values()
        for mine, other in combinations(by_dataset.values(), 2)
    )

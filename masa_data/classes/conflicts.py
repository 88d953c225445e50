"""Where what clips are called contradicts itself, and what about it is only odd."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Final, TypeVar

from masa_data.classes.classes import OFFICIAL, SignClass, folded
from masa_data.errors import DataError
from masa_data.texts import one_form
from masa_data.tracks.track import NO_LABEL

_Key = TypeVar("_Key")

_SHORTEST_STEM: Final = 3
_LONGEST_ENDING: Final = 2


def refuse_contradictions(sources: Mapping[str, Iterable[SignClass]]) -> None:
    """Check that no two files, or a file and a recognizer, mean different signs by one official number.

    Two spellings of a word ("lose", "losear") are no contradiction, nor are two words for a number of which
    one source has both: lists know synonyms.

    Args:
        sources: what each calls its classes, by the name it shall have in the error.

    Raises:
        DataError: if they do, showing a number and both glosses, or a gloss and both numbers.
    """
    named = {
        name: frozenset(one for one in classes if one.corpus in OFFICIAL and one.gloss and one.label >= 0)
        for name, classes in sources.items()
    }
    for (mine, ours), (other, theirs) in combinations(named.items(), 2):
        if ours != theirs and (found := _contradictions(mine, ours, other, theirs)):
            more = f"; {len(found) - 1:,} more" if len(found) > 1 else ""
            corpus, reason = found[0]
            raise DataError(
                f"{reason}{more}",
                f"{corpus} numbers its classes officially: masa-convert relabel FILE --corpus {corpus} gives "
                "a file the numbers of its lists",
            )


def _contradictions(
    mine: str, ours: frozenset[SignClass], other: str, theirs: frozenset[SignClass]
) -> list[tuple[str, str]]:
    """Corpus and reason of each, numbers before glosses."""
    glosses = [_by(classes, lambda one: (one.corpus, one.label)) for classes in (ours, theirs)]
    numbers = [_by(classes, lambda one: (one.corpus, folded(one.gloss))) for classes in (ours, theirs)]
    moved = {
        key
        for key in numbers[0].keys() & numbers[1].keys()
        if {one.label for one in numbers[0][key]}.isdisjoint(one.label for one in numbers[1][key])
    }
    found = []
    for corpus, label in sorted(glosses[0].keys() & glosses[1].keys()):
        one, two = (sorted(one.gloss for one in side[corpus, label]) for side in glosses)
        is_moved = any((corpus, folded(gloss)) in moved for gloss in (*one, *two))
        if not any(_alike(a, b, strict=is_moved) for a in one for b in two):
            reason = f"class {label} of {corpus!r} is {one[0]!r} in {mine} and {two[0]!r} in {other}"
            found.append((corpus, reason))
    for corpus, gloss in sorted(moved):
        first, second = (min(side[corpus, gloss], key=lambda one: one.label) for side in numbers)
        reason = (
            f"{first.gloss!r} of {corpus!r} is class {first.label} in {mine} and {second.label} in {other}"
        )
        found.append((corpus, reason))
    return found


def _by(classes: Iterable[SignClass], key: Callable[[SignClass], _Key]) -> dict[_Key, list[SignClass]]:
    found: dict[_Key, list[SignClass]] = defaultdict(list)
    for one in classes:
        found[key(one)].append(one)
    return found


def _alike(one: str, other: str, *, strict: bool) -> bool:
    """Whether two glosses are one word: equal but for case and signs, or, if not strict, for an ending."""
    short, long = sorted(
        ("".join(filter(str.isalnum, folded(text))) or folded(text) for text in (one, other)), key=len
    )
    if short == long:
        return True
    return (
        not strict
        and len(short) >= _SHORTEST_STEM
        and long.startswith(short)
        and len(long) - len(short) <= _LONGEST_ENDING
    )


def class_notes(sources: Mapping[str, Iterable[SignClass]]) -> list[str]:
    """What is odd about the classes of some files and keeps nobody from using them, a line each.

    Args:
        sources: what each file calls its clips, by the file's name.
    """
    return [*_notes_of_numbers(sources), *notes_of_corpora(*sources.values())]


def _notes_of_numbers(sources: Mapping[str, Iterable[SignClass]]) -> list[str]:
    """Within one file: a number that stands for several glosses, a gloss that has several numbers."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, classes in sources.items():
        whole = {one for one in classes if one.gloss and one.label != NO_LABEL}
        for (corpus, label), members in sorted(_by(whole, lambda one: (one.corpus, one.label)).items()):
            if len(members) > 1:
                texts = ", ".join(sorted(repr(one.gloss) for one in members)[:3])
                meaning = "one class" if corpus in OFFICIAL else "a class each"
                found[name, corpus, f"class numbers with several glosses, {meaning}"].append(
                    f"{label}: {texts}"
                )
        for (corpus, gloss), members in sorted(_by(whole, lambda one: (one.corpus, one.gloss)).items()):
            if len(members) > 1:
                labels = ", ".join(map(str, sorted(one.label for one in members)[:3]))
                meaning = "a class each" if corpus in OFFICIAL else "one class"
                found[name, corpus, f"glosses with several class numbers, {meaning}"].append(
                    f"{gloss!r}: {labels}"
                )
    return [
        f"{name}: {corpus!r} has {len(examples):,} {what}, such as {examples[0]}"
        for (name, corpus, what), examples in found.items()
    ]


def notes_of_corpora(*sources: Iterable[SignClass]) -> list[str]:
    """Glosses that are classes of their own in two corpora: at most one line.

    Args:
        sources: what files, or a recognizer, call their classes.
    """
    corpora: dict[str, set[str]] = defaultdict(set)
    for one in set().union(*sources):
        if one.gloss:
            corpora[one_form(one.gloss)].add(one.corpus)
    shared = sorted(gloss for gloss, of in corpora.items() if len(of) > 1)
    if not shared:
        return []
    where = " and ".join(sorted(map(repr, corpora[shared[0]])))
    what = "gloss is a class of its own" if len(shared) == 1 else "glosses are classes of their own"
    return [f"{len(shared):,} {what} in each of several corpora, such as {shared[0]!r} in {where}"]

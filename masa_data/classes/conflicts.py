"""Contradictions between the classes of several files, and less serious notes about them."""

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
    """Check that files, or a file and a recognizer, do not use one official number for different signs.

    Two spellings of a word ("lose", "losear") are not a contradiction. Two words for one number are not a
    contradiction if one source has both, because lists contain synonyms.

    Args:
        sources: name of each source, as shown in the error → its classes.

    Raises:
        DataError: if there is a contradiction; the message shows a number and both glosses, or a gloss and
            both numbers.
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
                f"{corpus} has official class numbers: masa-convert relabel FILE --corpus {corpus} assigns "
                "the numbers of its lists to a file",
            )


def _contradictions(
    mine: str, ours: frozenset[SignClass], other: str, theirs: frozenset[SignClass]
) -> list[tuple[str, str]]:
    """Return corpus and reason of each contradiction, numbers before glosses."""
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
    """Return whether two glosses are the same word, apart from case and punctuation.

    If not strict, they may also differ by an ending of at most two letters.
    """
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
    """Return notes about unusual classes that can still be used, one line each.

    Args:
        sources: name of each file → the classes of its clips.
    """
    return [*_notes_of_numbers(sources), *notes_of_corpora(*sources.values())]


def _notes_of_numbers(sources: Mapping[str, Iterable[SignClass]]) -> list[str]:
    """Note, within each file, numbers with several glosses and glosses with several numbers."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, classes in sources.items():
        whole = {one for one in classes if one.gloss and one.label != NO_LABEL}
        for (corpus, label), members in sorted(_by(whole, lambda one: (one.corpus, one.label)).items()):
            if len(members) > 1:
                texts = ", ".join(sorted(repr(one.gloss) for one in members)[:3])
                meaning = "which are one class" if corpus in OFFICIAL else "which are separate classes"
                found[name, corpus, f"class numbers with several glosses, {meaning}"].append(
                    f"{label}: {texts}"
                )
        for (corpus, gloss), members in sorted(_by(whole, lambda one: (one.corpus, one.gloss)).items()):
            if len(members) > 1:
                labels = ", ".join(map(str, sorted(one.label for one in members)[:3]))
                meaning = "which are separate classes" if corpus in OFFICIAL else "which are one class"
                found[name, corpus, f"glosses with several class numbers, {meaning}"].append(
                    f"{gloss!r}: {labels}"
                )
    return [
        f"{name}: {corpus!r} has {len(examples):,} {what}, such as {examples[0]}"
        for (name, corpus, what), examples in found.items()
    ]


def notes_of_corpora(*sources: Iterable[SignClass]) -> list[str]:
    """Return at most one line about glosses that are separate classes in several corpora.

    Args:
        sources: classes of files or of a recognizer.
    """
    corpora: dict[str, set[str]] = defaultdict(set)
    for one in set().union(*sources):
        if one.gloss:
            corpora[one_form(one.gloss)].add(one.corpus)
    shared = sorted(gloss for gloss, of in corpora.items() if len(of) > 1)
    if not shared:
        return []
    where = " and ".join(sorted(map(repr, corpora[shared[0]])))
    what = "gloss is a separate class" if len(shared) == 1 else "glosses are separate classes"
    return [f"{len(shared):,} {what} in each of several corpora, such as {shared[0]!r} in {where}"]

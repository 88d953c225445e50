"""Identity of a class of signs when clips of several files, or clips and a recognizer, are compared.

In corpora whose lists number their classes (WLASL, MS-ASL, NMFs-CSL, SLR500, AUTSL, LSA64), the class number
identifies a class, and the glosses must not contradict it. In all other corpora (ASL Citizen, INCLUDE, GSL,
folders, CSV lists, imports), the gloss identifies it, because each file numbers its glosses on its own; the
number is used only if a clip has no gloss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from masa_data.classes.subsets import SUBSETS
from masa_data.texts import one_form
from masa_data.tracks.track import NO_LABEL

# Corpora with official class numbers in their lists.
OFFICIAL: Final = frozenset(SUBSETS)

ClassKey: TypeAlias = tuple[str, int | str]


@dataclass(frozen=True, slots=True)
class SignClass:
    """Corpus, label and gloss of a class.

    Attributes:
        corpus: name of the corpus.
        label: class number; -1 = none. If the corpus has no official numbers, it is valid within one file.
        gloss: text of the sign; "" = unknown.
    """

    corpus: str
    label: int
    gloss: str

    @property
    def key(self) -> ClassKey | None:
        """The identity of the class: the corpus and a number or gloss; None for clips without a class.

        A gloss that is a number ("7" in a list with other texts) is the class of that number.
        """
        if self.corpus in OFFICIAL and self.label != NO_LABEL:
            return self.corpus, self.label
        if self.gloss:
            return self.corpus, _number(self.gloss) if self.corpus not in OFFICIAL else one_form(self.gloss)
        return None if self.label == NO_LABEL else (self.corpus, self.label)


def _number(gloss: str) -> int | str:
    is_number = gloss.isascii() and gloss.isdecimal() and len(gloss) < 10 and str(int(gloss)) == gloss
    return int(gloss) if is_number else one_form(gloss)


def completed(clips: Iterable[SignClass]) -> dict[SignClass, SignClass]:
    """Complete the classes of one file where some clips lack a label or a gloss that other clips have.

    A number without a gloss gets the gloss that the file gives this number elsewhere. A gloss without a
    number gets its number in the same way. Both happen only if there is exactly one candidate.

    Args:
        clips: classes of the clips of one file; may contain duplicates.

    Returns:
        the completed class for each class.
    """
    named = set(clips)
    glosses: dict[tuple[str, int], set[str]] = defaultdict(set)
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in named:
        if one.gloss and one.label != NO_LABEL:
            glosses[one.corpus, one.label].add(one.gloss)
            numbers[one.corpus, one.gloss].add(one.label)

    def whole(one: SignClass) -> SignClass:
        if not one.gloss and len(texts := glosses.get((one.corpus, one.label), set())) == 1:
            return replace(one, gloss=next(iter(texts)))
        if one.label == NO_LABEL and len(known := numbers.get((one.corpus, one.gloss), set())) == 1:
            return replace(one, label=next(iter(known)))
        return one

    return {one: whole(one) for one in named}


def completed_files(files: Sequence[Iterable[SignClass]]) -> list[dict[SignClass, SignClass]]:
    """Complete the classes of several files; official class numbers are valid in all of them.

    Args:
        files: for each file, the classes of its clips.
    """
    own = [completed(clips) for clips in files]
    official = completed(one for names in own for one in names.values() if one.corpus in OFFICIAL)
    return [{name: official.get(one, one) for name, one in names.items()} for names in own]


def folded(gloss: str) -> str:
    """Return the gloss in a form in which "Book" and "book" are equal."""
    return one_form(gloss).casefold().strip()


def distinct(clips: Iterable[SignClass]) -> list[SignClass]:
    """Return the different classes of some clips, each with its most frequent name.

    They are sorted by corpus, then by number if all clips agree on the numbers, else by gloss. Classes of one
    file are therefore in the order of their numbers, and classes of files with different numbers are in
    alphabetical order.

    Args:
        clips: the class of each clip.
    """
    names: dict[ClassKey, Counter[SignClass]] = defaultdict(Counter)
    for one in clips:
        if (key := one.key) is not None:
            names[key][one] += 1
    labels: dict[str, list[set[int]]] = defaultdict(list)
    for (corpus, _), members in names.items():
        labels[corpus].append({one.label for one in members})
    agreed = {corpus for corpus, found in labels.items() if _are_distinct(found)}

    def order(key: ClassKey) -> tuple[str, bool, int | str]:
        corpus, name = key
        if corpus in agreed:
            return corpus, False, next(iter(names[key])).label
        return corpus, isinstance(name, str), name

    return [_most_common(names[key]) for key in sorted(names, key=order)]


def _are_distinct(labels: Sequence[set[int]]) -> bool:
    """Return whether each class has exactly one number and no two classes have the same number."""
    known = set().union(*labels)
    return NO_LABEL not in known and len(known) == len(labels) == sum(map(len, labels))


def _most_common(names: Counter[SignClass]) -> SignClass:
    return min(names, key=lambda one: (not one.gloss, -names[one], one.label, one.gloss))


class ClassIndex:
    """Finds the index of a class in a list, for example the classes of a recognizer."""

    def __init__(self, known: Sequence[SignClass]) -> None:
        """Index classes by their identity.

        Args:
            known: the classes, in the order of the indices that `place` returns.
        """
        self._known = known
        self._by_key: dict[ClassKey, list[int]] = defaultdict(list)
        self._by_gloss: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, one in enumerate(known):
            if (key := one.key) is not None:
                self._by_key[key].append(place)
            if one.corpus in OFFICIAL and one.gloss:
                self._by_gloss[one.corpus, folded(one.gloss)].append(place)

    def place(self, one: SignClass) -> int:
        """Return the index of a class; -1 if it is not in the list.

        Recognizers of older versions can have two classes with the same gloss; then the number decides.
        """
        key = one.key
        found = self._by_key.get(key, []) if key is not None else []
        if len(found) > 1:
            found = [place for place in found if self._known[place].label == one.label]
        if not found and one.corpus in OFFICIAL and one.gloss:
            # One of the two has no number, so only the gloss can be compared.
            found = [
                place
                for place in self._by_gloss.get((one.corpus, folded(one.gloss)), [])
                if NO_LABEL in (one.label, self._known[place].label)
            ]
        return found[0] if len(found) == 1 else -1

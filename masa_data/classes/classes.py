"""What a class of signs is, for all who compare clips of several files, or clips and a recognizer.

Corpora whose lists number their classes (WLASL, MS-ASL, NMFs-CSL, SLR500): the number, which a gloss beside
it must not contradict. All others (folders, CSV lists, imports): the gloss, since each file numbers its
glosses by its own alphabet; a number only where clips have no gloss.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from masa_data.classes.subsets import SUBSETS
from masa_data.texts import one_form
from masa_data.tracks.track import NO_LABEL

# Corpora whose lists say the number of each class.
OFFICIAL: Final = frozenset(SUBSETS)

ClassKey: TypeAlias = tuple[str, int | str]


@dataclass(frozen=True, slots=True)
class SignClass:
    """What clips of one class are called.

    Attributes:
        corpus: name of the corpus.
        label: class number; of corpora without official numbers it holds within one file only. -1 = none.
        gloss: text of the sign; "" = unknown.
    """

    corpus: str
    label: int
    gloss: str

    @property
    def key(self) -> ClassKey | None:
        """What classes are told apart by: corpus and number or gloss; None for clips without a class.

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
    """What one file calls its clips, with the half that some clips lack and others of the file say.

    A number without a gloss gets the gloss that the file gives this number elsewhere, and a gloss without a
    number its number, each only if there is exactly one.

    Args:
        clips: of one file; repeated ones do no harm.
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
    """The same for several files; official numbers hold in all of them.

    Args:
        files: what each calls its clips.
    """
    own = [completed(clips) for clips in files]
    official = completed(one for names in own for one in names.values() if one.corpus in OFFICIAL)
    return [{name: official.get(one, one) for name, one in names.items()} for names in own]


def folded(gloss: str) -> str:
    """The gloss in a form in which "Book" and "book" are equal."""
    return one_form(gloss).casefold().strip()


def distinct(clips: Iterable[SignClass]) -> list[SignClass]:
    """The classes that occur, each called as most of its clips are.

    They are sorted by corpus and, where all clips agree on the numbers, by number, else by gloss. So one
    file has the order of its numbers, and files that number glosses apart have that of the alphabet.

    Args:
        clips: what each clip is called.
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
    """Whether each class has one number, and no two have the same."""
    known = set().union(*labels)
    return NO_LABEL not in known and len(known) == len(labels) == sum(map(len, labels))


def _most_common(names: Counter[SignClass]) -> SignClass:
    return min(names, key=lambda one: (not one.gloss, -names[one], one.label, one.gloss))


class ClassIndex:
    """Finds a class among those of a recognizer, a training set or another file."""

    def __init__(self, known: Sequence[SignClass]) -> None:
        """Index classes by what they are told apart by.

        Args:
            known: in the order of the places to be found.
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
        """The place of a class; -1 if it is none of them.

        Recognizers of older versions may have two classes of one gloss; then the number decides too.
        """
        key = one.key
        found = self._by_key.get(key, []) if key is not None else []
        if len(found) > 1:
            found = [place for place in found if self._known[place].label == one.label]
        if not found and one.corpus in OFFICIAL and one.gloss:
            # One of the two has no number: the gloss is all that both have.
            found = [
                place
                for place in self._by_gloss.get((one.corpus, folded(one.gloss)), [])
                if NO_LABEL in (one.label, self._known[place].label)
            ]
        return found[0] if len(found) == 1 else -1

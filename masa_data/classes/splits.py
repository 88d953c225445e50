"""Class numbers and splits for clips whose corpus defines none.

Both extend what a dataset already has: if clips are added later, a gloss keeps its number, and a signer keeps
the split.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from masa_data.classes.classes import OFFICIAL
from masa_data.errors import DataError
from masa_data.texts import counted
from masa_data.tracks.provenance import SplitRule
from masa_data.tracks.track import NO_LABEL, SPLITS, ClipInfo


class SplitFacts(Protocol):
    """The properties of a clip that assigning a split needs, before or after extraction."""

    @property
    def id(self) -> str:
        """Unique id of the clip."""

    @property
    def split(self) -> str:
        """One of SPLITS; "" = none yet."""

    @property
    def signer(self) -> str:
        """Name of the signer; "" = unknown."""


def number_glosses(clips: Sequence[ClipInfo], earlier: Iterable[ClipInfo] = ()) -> list[ClipInfo]:
    """Number the glosses of clips that have a gloss but no label, within each corpus.

    Glosses of earlier clips keep their numbers; new glosses follow in alphabetical order. Glosses of corpora
    with official class numbers are not numbered, because other numbers would be taken for official ones.

    Args:
        clips: clips to number.
        earlier: clips that already have numbers.

    Returns:
        the clips with their labels, in the same order.
    """
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    highest: dict[str, int] = defaultdict(lambda: NO_LABEL)
    for clip in (*earlier, *clips):
        highest[clip.corpus] = max(highest[clip.corpus], clip.label)
        if clip.gloss and clip.label != NO_LABEL:
            numbers[clip.corpus].setdefault(clip.gloss, clip.label)
    unnumbered = {
        (clip.corpus, clip.gloss)
        for clip in clips
        if clip.gloss and clip.gloss not in numbers[clip.corpus] and clip.corpus not in OFFICIAL
    }
    for corpus, gloss in sorted(unnumbered):
        highest[corpus] += 1
        numbers[corpus][gloss] = highest[corpus]
    return [
        replace(clip, label=numbers[clip.corpus].get(clip.gloss, NO_LABEL))
        if clip.gloss and clip.label == NO_LABEL
        else clip
        for clip in clips
    ]


def assign_splits(
    clips: Sequence[ClipInfo], rule: SplitRule, earlier: Iterable[ClipInfo] = ()
) -> list[ClipInfo]:
    """Assign the clips that have no split to train, val and test.

    "random" assigns the clips of each gloss one by one: the first to train, each other one to the split that
    lacks most clips; rounding errors are carried to the next gloss. "signer" assigns all clips of a signer
    together, signers with most clips first, each to the split that lacks most clips; no signer is in two
    splits.

    Args:
        clips: clips in any order; clips with a split keep it.
        rule: rule of the assignment: by gloss or signer, shares and seed.
        earlier: clips that already have a split; they are counted, and their signers keep their splits.

    Returns:
        the clips with their splits, in the same order.

    Raises:
        DataError: if the rule is "signer" and there are fewer than two signers, or clips without a signer.
    """
    earlier = list(earlier)
    check_rule(clips, rule, earlier)
    settled = [clip for clip in (*earlier, *clips) if clip.split]
    open_clips = sorted(
        (clip for clip in clips if not clip.split), key=lambda clip: _shuffle_key(rule, clip.id)
    )
    deal = _by_signer if rule.by == "signer" else _by_gloss
    splits = deal(open_clips, settled, rule)
    return [clip if clip.split else replace(clip, split=splits[clip.id]) for clip in clips]


def _lacks(rule: SplitRule, have: Mapping[str, int], total: int) -> dict[str, float]:
    """Return how many clips each split lacks of its share of `total`."""
    return {
        split: share * total - have.get(split, 0) for split, share in zip(SPLITS, rule.shares, strict=True)
    }


def _most_lacking(lacks: Mapping[str, float]) -> str:
    """Return the split that lacks most clips; if several are equal, the one with the smallest share."""
    return max(("val", "test", "train"), key=lambda split: lacks[split])


def _by_gloss(open_clips: list[ClipInfo], settled: list[ClipInfo], rule: SplitRule) -> dict[str, str]:
    have: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    for clip in settled:
        have[_class(clip)][clip.split] += 1
    members: dict[tuple[str, str, int], list[ClipInfo]] = defaultdict(list)
    for clip in open_clips:
        members[_class(clip)].append(clip)
    splits = {}
    carried = dict.fromkeys(SPLITS, 0.0)  # rounding errors of one gloss, corrected in the next ones
    for gloss in sorted(members):
        lacks = _lacks(rule, have[gloss], have[gloss].total() + len(members[gloss]))
        lacks = {split: lacks[split] + carried[split] for split in SPLITS}
        has_train = have[gloss]["train"] > 0
        for clip in members[gloss]:
            split = _most_lacking(lacks) if has_train else "train"
            has_train = True
            splits[clip.id] = split
            lacks[split] -= 1
        carried = lacks
    return splits


def _class(clip: ClipInfo) -> tuple[str, str, int]:
    return clip.corpus, clip.gloss, NO_LABEL if clip.gloss else clip.label


def check_rule(clips: Iterable[SplitFacts], rule: SplitRule, earlier: Iterable[SplitFacts] = ()) -> None:
    """Check that a rule can split the clips; for the arguments, see `assign_splits`.

    Raises:
        DataError: if the rule is "signer" and there are fewer than two signers, or clips without a signer.
    """
    clips = list(clips)
    open_clips = [clip for clip in clips if not clip.split]
    if rule.by != "signer" or not open_clips:
        return
    nameless = sum(not clip.signer for clip in open_clips)
    signers = {clip.signer for clip in (*earlier, *clips) if clip.signer}
    if nameless or len(signers) < 2:
        raise DataError(
            f"splitting by signer needs two or more signers and a signer for every clip; found "
            f"{counted(len(signers), 'signer')} and {counted(nameless, 'clip')} without one",
            "Add signers in column `signer` of a CSV, or use {split_by}",
            split_by="random",
        )


def empty_splits(splits: Iterable[str]) -> list[str]:
    """Return the splits without clips, if any clip has a split.

    Args:
        splits: split of each clip; "" = none.
    """
    found = set(splits)
    return [split for split in SPLITS if split not in found] if found - {""} else []


def _by_signer(open_clips: list[ClipInfo], settled: list[ClipInfo], rule: SplitRule) -> dict[str, str]:
    of_signer = {clip.signer: clip.split for clip in settled}
    clips_of = Counter(clip.signer for clip in open_clips)
    lacks = _lacks(rule, Counter(clip.split for clip in settled), len(settled) + len(open_clips))
    for signer in sorted(clips_of, key=lambda name: (-clips_of[name], _shuffle_key(rule, name))):
        if signer not in of_signer:
            of_signer[signer] = _most_lacking(lacks)
        lacks[of_signer[signer]] -= clips_of[signer]
    return {clip.id: of_signer[clip.signer] for clip in open_clips}


def _shuffle_key(rule: SplitRule, name: str) -> bytes:
    """Return a sort key that depends only on the seed and the name."""
    return hashlib.sha256(f"{rule.seed} {name}".encode()).digest()

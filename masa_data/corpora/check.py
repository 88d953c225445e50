"""Check of a corpus on disk: which annotated clips can be used. The file of every clip is examined."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

from masa_data.corpora.clip import Clip
from masa_data.corpora.duplicates import find_duplicates
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.ranges import VideosMode, range_note, resolve_range
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.tracks.box import resolve_box
from masa_data.tracks.track import NO_LABEL, SPLITS
from masa_data.video.facts import SourceFacts, probe_source

# "out of range": none of the clip's frames are in the file, or fewer than MIN_FRAMES.
State = Literal["found", "missing", "unreadable", "out of range"]
STATES: Final[tuple[State, ...]] = get_args(State)

# Name for all labels, in addition to the named subsets.
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking one annotated clip.

    Attributes:
        row: the clip.
        state: whether it can be used.
        reason: why it cannot be used, or a note; "" = no problem.
        range_case: how its frames were determined; "" = not determined.
        crop_case: how its box was determined; "" = not determined.
    """

    row: Row
    state: State
    reason: str = ""
    range_case: str = ""
    crop_case: str = ""


def check_rows(rows: Iterable[Row], mode: VideosMode = "auto", workers: int = 1) -> Iterator[Checked]:
    """Check the file of every clip, in the order of the rows; one frame of each clip is decoded.

    Args:
        rows: annotated clips.
        mode: whether the files are already cut.
        workers: number of files that are checked in parallel. One file takes about 10 ms, mostly outside
            Python.
    """
    recordings: dict[Path, SourceFacts] = {}  # source videos that contain many clips
    waiting: deque[Future[Checked]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for row in rows:
            if row.found:
                waiting.append(pool.submit(_check_source, row, mode, recordings))
            else:
                waiting.append(Future())
                waiting[-1].set_result(Checked(row, "missing", "no video of this name was found"))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _check_source(row: Row, mode: VideosMode, recordings: dict[Path, SourceFacts]) -> Checked:
    clip = row.clip
    try:
        facts = recordings.get(clip.source) or probe_source(clip.source)
    except DataError as error:
        return Checked(row, "unreadable", error.reason)
    except OSError as error:
        return Checked(row, "unreadable", in_words(error, "").reason)
    if clip.already_cut is False:
        recordings[clip.source] = facts
    found = resolve_range(clip.declared, facts.fps, facts.frames, mode, clip.already_cut, facts.times)
    if facts.fault and found.case in ("whole", "cut", "clamped"):
        return Checked(row, "unreadable", facts.fault)
    box = clip.box and clip.box.stretched(*facts.stretch)
    crop = resolve_box(box, facts.width, facts.height)
    is_out = found.case == "empty" or (found.case == "clamped" and found.is_short)
    note = range_note(found, facts.frames) or ""
    return Checked(row, "out of range" if is_out else "found", note, found.case, crop.case)


def _class_of(clip: Clip) -> int | str:
    return clip.gloss if clip.label == NO_LABEL else clip.label


@dataclass(slots=True)
class CorpusReport:
    """Counts over a check. Call `add` for every clip, then `finish`.

    Attributes:
        listing: the listing that was checked.
        states: number of clips in each state, by (subset, split).
        ranges: number of clips by how their frames were determined.
        crops: number of clips by how their boxes were determined.
        short: usable clips of fewer than MIN_FRAMES frames.
        duplicates: groups of files with the same content.
        mixed_signers: for each signer in several splits, the number of clips by split.
        untrained: classes without a usable training clip: the label, or the gloss if there is no label.
    """

    listing: CorpusListing
    states: dict[tuple[str, str], Counter[State]] = field(default_factory=lambda: defaultdict(Counter))
    ranges: Counter[str] = field(default_factory=Counter)
    crops: Counter[str] = field(default_factory=Counter)
    short: int = 0
    duplicates: list[tuple[str, ...]] = field(default_factory=list)
    mixed_signers: dict[str, dict[str, int]] = field(default_factory=dict)
    untrained: list[int | str] = field(default_factory=list)
    _sources: dict[Path, None] = field(default_factory=dict)
    _trained: set[int | str] = field(default_factory=set)

    def add(self, checked: Checked) -> None:
        """Count one clip."""
        clip = checked.row.clip
        subsets = [name for name, labels in self.listing.subsets.items() if clip.label in labels]
        for subset in (ALL, *subsets):
            self.states[subset, clip.split][checked.state] += 1
        if checked.range_case:
            self.ranges[checked.range_case] += 1
            self.crops[checked.crop_case] += 1
            self._sources[clip.source] = None
        if checked.state == "found":
            self.short += bool(checked.reason) and checked.range_case != "clamped"
            if clip.split == "train":
                self._trained.add(_class_of(clip))

    def finish(self) -> None:
        """Compute what requires all clips; reads the content of files of equal size."""
        splits: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.listing.rows:
            if row.clip.signer:
                splits[row.clip.signer][row.clip.split] += 1
        self.mixed_signers = {signer: dict(count) for signer, count in splits.items() if len(count) > 1}
        classes = {_class_of(row.clip) for row in self.listing.rows}
        has_train = any(row.clip.split == "train" for row in self.listing.rows)
        self.untrained = (
            sorted(classes - self._trained, key=lambda one: (isinstance(one, str), one)) if has_train else []
        )
        self.duplicates = sorted(find_duplicates(self._sources))

    @property
    def wrong_rows(self) -> int:
        """Number of rows of lists that cannot be used."""
        return sum(problem.kind == "failed" for problem in self.listing.problems)

    @property
    def is_fine(self) -> bool:
        """Whether all annotated clips can be used, no file occurs twice, and each class has training clips.

        Signers in several splits and contradictory lists are reported, but they are not errors of this copy.
        """
        all_found = all(set(states) == {"found"} for states in self.states.values())
        return all_found and not (self.wrong_rows or self.duplicates or self.untrained)

    def table(self) -> list[dict[str, str | int]]:
        """Return a row for each subset and split: its name, and the number of clips in total and by state."""
        return [
            {
                "subset": subset,
                "split": split or "none",
                "annotated": self.states[subset, split].total(),
                **{state: self.states[subset, split][state] for state in STATES},
            }
            for subset in (ALL, *self.listing.subsets)
            for split in (*SPLITS, "")
            if (subset, split) in self.states
        ]

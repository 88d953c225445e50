"""A clip to be extracted, and a problem with one: all that the rest of the pipeline knows of any corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from masa_data.corpora.ranges import DeclaredRange
from masa_data.errors import DataError, Words, in_python
from masa_data.texts import one_form
from masa_data.tracks.box import Box
from masa_data.tracks.track import NAMES, NO_LABEL, ClipInfo

# What people call the three splits.
SPLIT_NAMES: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list beside exported keypoints says of a clip.

    Attributes:
        info: all that was known of it.
        frames: the numbers of its frames, as `exchange.frame_numbers` writes them; "" if they are not listed.
    """

    info: ClipInfo
    frames: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """Where a clip is and what its corpus says of it.

    Attributes:
        id: unique within a listing.
        source: a video file, or a folder of numbered images.
        path: the source as the user gave it.
        corpus: name of the corpus.
        gloss: text of the sign; "" if unknown.
        label: class number given by the corpus; -1 if it gives none.
        split: "train", "val", "test" or "".
        signer: who signs; "" if unknown.
        start: first source frame, counted from 0.
        end: one past the last source frame; None = to the end.
        declared: the range that the corpus gives in seconds, where it gives one. Which frames it stands for
            depends on the file and is settled by `resolve_range` when that is open; start and end are then
            not used.
        already_cut: whether the source's name tells that it holds this clip alone (True) or a whole
            recording (False); None = only its length can tell.
        box: where in the frame the signer is; None = anywhere.
        listed: what is known of imported keypoints, beyond the above; None = nothing.
    """

    id: str
    source: Path
    path: str
    corpus: str
    gloss: str = ""
    label: int = NO_LABEL
    split: str = ""
    signer: str = ""
    start: int = 0
    end: int | None = None
    declared: DeclaredRange | None = None
    already_cut: bool | None = None
    box: Box | None = None
    listed: Listed | None = None

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, one_form(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something went wrong with one clip, list or file, and what to do about it.

    Attributes:
        clip: the clip's id; "" if the problem is not with one clip.
        path: the file or folder, as the user gave it.
        kind: "failed": the clip is not in the output; "warning": it is.
        reason: what was found and what was expected, in words of Python.
        advice: what to do, likewise.
        error: what was raised, if anything was.
    """

    clip: str
    path: str
    kind: Literal["failed", "warning"]
    reason: str
    advice: str
    error: DataError | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, error: DataError, path: str, clip: str = "") -> Problem:
        """The failure that an error means for a clip or file."""
        return cls(clip, path, "failed", error.reason, error.advice, error)

    @classmethod
    def warning(cls, clip: Clip, error: DataError) -> Problem:
        """What is odd about a clip that is kept all the same."""
        return cls(clip.id, clip.path, "warning", error.reason, error.advice, error)

    def reason_in(self, words: Words) -> str:
        """What was found and expected, in words of one's own; see `DataError.reason_in`."""
        return self.reason if self.error is None else self.error.reason_in(words)

    def advice_in(self, words: Words) -> str:
        """What to do, in words of one's own; see `DataError.advice_in`."""
        return self.advice if self.error is None else self.error.advice_in(words)

    def as_error(self) -> DataError:
        """The error that was raised, or one that says the same."""
        return self.error or DataError(self.reason, self.advice)

    def as_row(self, words: Words = in_python) -> dict[str, str]:
        """Clip, path, kind, reason and advice: a line of a list of problems.

        Args:
            words: how arguments are said in the advice.
        """
        return {
            "clip": self.clip,
            "path": self.path,
            "kind": self.kind,
            "reason": self.reason_in(words),
            "advice": self.advice_in(words),
        }


@dataclass(slots=True)
class Listing:
    """What a folder, list or corpus holds.

    Attributes:
        clips: in a fixed order.
        problems: what could not be listed.
        missing: how many clips a corpus names that are not on disk.
        ignored: how many files of each ending were passed over, being no videos.
    """

    clips: list[Clip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    missing: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


def join(listings: Iterable[Listing], *, rename: bool = False) -> Listing:
    """Put listings one after the other; of clips with the same id all but the first become problems.

    Args:
        listings: in order.
        rename: whether such a clip takes its path as its id instead, where that is free.
    """
    joined = Listing()
    paths: dict[str, str] = {}
    for listing in listings:
        joined.problems += listing.problems
        joined.ignored += listing.ignored
        for clip in listing.clips:
            if rename and clip.id in paths:
                clip = replace(clip, id=clip.path)
            if clip.id in paths:
                joined.problems.append(
                    Problem(
                        clip.id,
                        clip.path,
                        "failed",
                        f"{clip.path} and {paths[clip.id]} give the same clip id {clip.id!r}",
                        "Rename one, or give the folder above both as the input",
                    )
                )
            else:
                paths[clip.id] = clip.path
                joined.clips.append(clip)
    return joined

"""A clip to extract, and a problem with a clip: the common form of clips of all corpora."""

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

# Common synonyms of the three splits.
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
    """What the list next to exported keypoints says about a clip.

    Attributes:
        info: all known properties of the clip.
        frames: its frame numbers, as `exchange.frame_numbers` writes them; "" = not listed.
    """

    info: ClipInfo
    frames: str = ""


@dataclass(frozen=True, slots=True)
class Clip:
    """Location and annotations of a clip.

    Attributes:
        id: id, unique within a listing.
        source: a video file, or a folder of numbered images.
        path: path of the source as the user gave it.
        corpus: name of the corpus.
        gloss: text of the sign; "" = unknown.
        label: class number given by the corpus; -1 = none.
        split: "train", "val", "test" or "" = none.
        signer: name of the signer; "" = unknown.
        start: first source frame, counted from 0.
        end: one past the last source frame; None = to the end.
        declared: range in seconds, if the corpus gives one. `resolve_range` converts it to frames when the
            file is open; start and end are then not used.
        already_cut: whether, according to its name, the source contains only this clip (True) or a whole
            recording (False); None = the length decides.
        box: region of the frame with the signer; None = unknown.
        listed: further properties of imported keypoints; None = none.
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
    """A problem with a clip, list or file, with its reason and advice.

    Attributes:
        clip: id of the clip; "" if the problem does not concern one clip.
        path: the file or folder, as the user gave it.
        kind: "failed": the clip is not in the output; "warning": it is.
        reason: what was found and what was expected, with arguments in Python syntax.
        advice: what to do, with arguments in Python syntax.
        error: the exception, if there was one.
    """

    clip: str
    path: str
    kind: Literal["failed", "warning"]
    reason: str
    advice: str
    error: DataError | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, error: DataError, path: str, clip: str = "") -> Problem:
        """Return the failure of a clip or file for an error."""
        return cls(clip, path, "failed", error.reason, error.advice, error)

    @classmethod
    def warning(cls, clip: Clip, error: DataError) -> Problem:
        """Return a warning about a clip that is kept."""
        return cls(clip.id, clip.path, "warning", error.reason, error.advice, error)

    def reason_in(self, words: Words) -> str:
        """Return what was found and expected in another wording; see `DataError.reason_in`."""
        return self.reason if self.error is None else self.error.reason_in(words)

    def advice_in(self, words: Words) -> str:
        """Return what to do in another wording; see `DataError.advice_in`."""
        return self.advice if self.error is None else self.error.advice_in(words)

    def as_error(self) -> DataError:
        """Return the original error, or a new one with the same texts."""
        return self.error or DataError(self.reason, self.advice)

    def as_row(self, words: Words = in_python) -> dict[str, str]:
        """Return clip, path, kind, reason and advice, as in a list of problems.

        Args:
            words: formats the names of arguments in the advice.
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
    """The clips of a folder, list or corpus.

    Attributes:
        clips: clips in a fixed order.
        problems: problems with entries that could not be listed.
        missing: number of clips that the corpus names and that are not on disk.
        ignored: number of ignored files that are not videos, by file extension.
    """

    clips: list[Clip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    missing: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


def join(listings: Iterable[Listing], *, rename: bool = False) -> Listing:
    """Concatenate listings. If several clips have the same id, all but the first become problems.

    Args:
        listings: listings in order.
        rename: whether such a clip gets its path as its id instead, if no other clip has this id.
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
                        "Rename one, or give the folder above both as input",
                    )
                )
            else:
                paths[clip.id] = clip.path
                joined.clips.append(clip)
    return joined

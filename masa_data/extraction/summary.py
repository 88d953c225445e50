"""What became of an extraction: counts, and the problems that there were."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from masa_data.analysis.quality import hands_found
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.ranges import RangeCase
from masa_data.texts import counted, printable
from masa_data.tracks.box import CropCase
from masa_data.tracks.track import PoseTrack

_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """What became of one clip.

    Attributes:
        clip: the clip.
        track: its keypoints; None if it failed.
        problems: a failure, or warnings about a clip that was kept.
        range_case: how the corpus's frame range was read.
        crop_case: how the corpus's box was read.
        raw_scores: the lowest and the highest score that the confidence was made from; None if not known.
    """

    clip: Clip
    track: PoseTrack | None
    problems: tuple[Problem, ...] = ()
    range_case: RangeCase = "whole"
    crop_case: CropCase = "whole"
    raw_scores: tuple[float, float] | None = None


@dataclass(slots=True, repr=False)
class ExtractionSummary:
    """What became of an extraction.

    Attributes:
        out: the file that it was for.
        is_written: whether that file is there: it is not if no clip at all could be extracted.
        done: clips extracted.
        skipped: clips that were in the file before.
        failed: clips and inputs that failed.
        missing: clips that a corpus's lists name and that are not on disk.
        problems: failures, and warnings about clips that were kept.
        failures: the file that lists them, if there are any and a file was asked for.
        empty_splits: splits that got no clip, if clips were dealt to splits.
        frames: frames kept.
        left_hand: frames in which the left hand was found.
        right_hand: frames in which the right hand was found.
        confidence: sum over frames of the mean confidence of the 49 keypoints.
        clamped: keypoints dropped because they lay more than a frame outside.
        ranges: clips by how the corpus's frame range was read.
        crops: clips by how the corpus's box was read.
        several_people: clips in which more people than the signer were seen.
        started: when, on the monotonic clock.
        ended: likewise; None = not yet.
    """

    out: Path = Path()
    is_written: bool = False
    done: int = 0
    skipped: int = 0
    failed: int = 0
    missing: int = 0
    problems: list[Problem] = field(default_factory=list)
    failures: Path | None = None
    empty_splits: list[str] = field(default_factory=list)
    frames: int = 0
    left_hand: int = 0
    right_hand: int = 0
    confidence: float = 0.0
    clamped: int = 0
    ranges: Counter[str] = field(default_factory=Counter)
    crops: Counter[str] = field(default_factory=Counter)
    several_people: int = 0
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    def add(self, outcome: ClipOutcome, clamped: int) -> None:
        """Count one clip.

        Args:
            outcome: what became of it.
            clamped: how many of its keypoints lay too far outside to be stored.
        """
        if outcome.track is None:
            self.failed += 1
            return
        hands = hands_found(outcome.track.confidence)
        self.done += 1
        self.frames += len(outcome.track)
        self.left_hand += int(hands[:, 0].sum())
        self.right_hand += int(hands[:, 1].sum())
        self.confidence += float(outcome.track.confidence.mean(axis=1).sum())
        self.clamped += clamped
        self.ranges[outcome.range_case] += 1
        self.crops[outcome.crop_case] += 1
        self.several_people += outcome.track.info.several_people

    @property
    def is_complete(self) -> bool:
        """Whether every clip worked."""
        return not (self.failed or self.missing)

    @property
    def seconds(self) -> float:
        """From the start to the end, or till now."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started

    @property
    def frames_per_second(self) -> float:
        """Frames kept per second since the start."""
        return self.frames / max(self.seconds, 1e-9)

    def __repr__(self) -> str:
        where = str(self.out) if self.is_written else f"{self.out}, which was not written"
        lines = [
            f"<ExtractionSummary of {where}",
            f"  clips: {self.done:,} done, {self.skipped:,} there before, {self.failed:,} failed",
            f"  frames: {self.frames:,} ({self.frames_per_second:.1f}/s)",
        ]
        if self.frames:
            left, right = self.left_hand / self.frames, self.right_hand / self.frames
            lines.append(f"  hands: left found in {left:.0%} of frames, right in {right:.0%}")
        if self.missing:
            lines.append(f"  not on disk: {counted(self.missing, 'clip')} of the lists")
        if self.empty_splits:
            lines.append(f"  splits without a clip: {', '.join(self.empty_splits)}")
        lines += (
            f"  {problem.kind}: {problem.path!r}: {problem.reason}. {problem.advice}"
            for problem in self.problems[:_SHOWN_PROBLEMS]
        )
        if len(self.problems) > _SHOWN_PROBLEMS:
            lines.append(
                f"  and {counted(len(self.problems) - _SHOWN_PROBLEMS, 'more problem')} in .problems"
            )
        return printable("\n".join(lines) + ">")

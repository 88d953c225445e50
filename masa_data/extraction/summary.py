"""The result of an extraction: counts and problems."""

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
    """The result of one clip.

    Attributes:
        clip: the clip.
        track: its track; None = failed.
        problems: a failure, or warnings about a clip that was kept.
        range_case: how the corpus's frame range was interpreted.
        crop_case: how the corpus's box was interpreted.
        raw_scores: lowest and highest score from which the confidence was computed; None = unknown.
    """

    clip: Clip
    track: PoseTrack | None
    problems: tuple[Problem, ...] = ()
    range_case: RangeCase = "whole"
    crop_case: CropCase = "whole"
    raw_scores: tuple[float, float] | None = None


@dataclass(slots=True, repr=False)
class ExtractionSummary:
    """The result of an extraction.

    Attributes:
        out: path of the output file.
        is_written: whether that file exists; it does not if no clip could be extracted.
        done: number of extracted clips.
        skipped: number of clips that were already in the file.
        failed: number of clips and inputs that failed.
        missing: number of clips that a corpus's lists name and that are not on disk.
        problems: failures, and warnings about clips that were kept.
        failures: path of the list of problems; None = no problems, or no list was requested.
        empty_splits: splits without a clip, if clips were assigned to splits.
        frames: number of kept frames.
        left_hand: number of frames in which the left hand was found.
        right_hand: number of frames in which the right hand was found.
        confidence: sum over frames of the mean confidence of the 49 keypoints.
        clamped: number of keypoints that were dropped because they were more than one frame size outside.
        ranges: number of clips by how the corpus's frame range was interpreted.
        crops: number of clips by how the corpus's box was interpreted.
        several_people: number of clips in which more people than the signer were found.
        started: time of the start, on the monotonic clock.
        ended: time of the end, on the monotonic clock; None = not finished.
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
            outcome: the result of the clip.
            clamped: number of its keypoints that were too far outside to be stored.
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
        """Whether all clips were extracted."""
        return not (self.failed or self.missing)

    @property
    def seconds(self) -> float:
        """Seconds from the start to the end, or until now."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started

    @property
    def frames_per_second(self) -> float:
        """Frames kept per second since the start."""
        return self.frames / max(self.seconds, 1e-9)

    def __repr__(self) -> str:
        where = str(self.out) if self.is_written else f"{self.out}, which was not written"
        lines = [
            f"<ExtractionSummary of {where}",
            f"  clips: {self.done:,} done, {self.skipped:,} done before, {self.failed:,} failed",
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

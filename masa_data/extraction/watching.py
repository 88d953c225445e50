"""Observers of an extraction: a progress bar, lines of text, or a function of the caller."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from masa_data.corpora.clip import Problem
from masa_data.extraction.summary import ClipOutcome, ExtractionSummary

_SECONDS_BETWEEN_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class ExtractionProgress:
    """The progress of an extraction after a clip.

    Attributes:
        clip: id of the last clip.
        done: number of clips so far, extracted or failed.
        total: number of clips to extract in this run, without those that were already done.
        frames_per_second: kept frames per second since the start.
    """

    clip: str
    done: int
    total: int
    frames_per_second: float


class ExtractionWatcher:
    """Receives the progress of an extraction. The methods do nothing; subclasses override them."""

    def note(self, line: str) -> None:
        """Receive a message for the user, in one line."""

    def problem(self, problem: Problem) -> None:
        """Receive a problem."""

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Receive the start of the work.

        Args:
            clips: number of clips to extract.
            summary: the counts, which are updated during the work.
        """

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Receive the result of a clip, after it is counted and before its problems are passed."""

    def end(self) -> None:
        """Receive the end of the work, for whatever reason."""


class CallbackWatcher(ExtractionWatcher):
    """Calls a function after every clip."""

    def __init__(self, callback: Callable[[ExtractionProgress], None]) -> None:
        self._callback = callback
        self._done = self._total = 0
        self._summary = ExtractionSummary()

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Store the number of clips."""
        self._total, self._summary = clips, summary

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Call the function."""
        self._done += 1
        rate = self._summary.frames_per_second
        self._callback(ExtractionProgress(outcome.clip.id, self._done, self._total, rate))


class BarWatcher(ExtractionWatcher):
    """Shows a progress bar on a terminal; elsewhere, a line every ten seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._done = self._total = 0
        self._summary = ExtractionSummary()
        self._last = 0.0
        self._bar: Progress | None = None

    def note(self, line: str) -> None:
        """Print the message."""
        self.console.print(line)

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Show an empty progress bar."""
        self._total, self._summary, self._last = clips, summary, time.monotonic()
        if self.console.is_terminal:
            self._bar = Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("clips · {task.fields[rate]:.1f} frames/s ·"),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=self.console,
            )
            self._bar.add_task("", total=clips, rate=0.0)
            self._bar.start()

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Update the progress."""
        self._done += 1
        rate = self._summary.frames_per_second
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, rate=rate)
        elif time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            left = self._summary.seconds / self._done * (self._total - self._done)
            self.console.print(f"{self._done}/{self._total} clips, {rate:.1f} frames/s, {left:.0f} s left")

    def end(self) -> None:
        """Stop the progress bar; it remains visible."""
        if self._bar is not None:
            self._bar.stop()

"""Who is told how an extraction goes on: a bar, lines, or a function of the caller's."""

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
    """How far an extraction is, after a clip.

    Attributes:
        clip: id of the clip that came last.
        done: clips that came, whether they worked or failed.
        total: clips to be extracted in this run; those that were there before are not among them.
        frames_per_second: frames kept per second since the start.
    """

    clip: str
    done: int
    total: int
    frames_per_second: float


class ExtractionWatcher:
    """Is told how an extraction goes on, and does nothing about it: to be overridden where wanted."""

    def note(self, line: str) -> None:
        """Told something that a user should know, in a line."""

    def problem(self, problem: Problem) -> None:
        """Told what went wrong."""

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Told that work begins.

        Args:
            clips: to be extracted.
            summary: counts what is done.
        """

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Told what became of a clip, once it is counted and before its problems are told."""

    def end(self) -> None:
        """Told that work ends, whatever ended it."""


class CallbackWatcher(ExtractionWatcher):
    """Calls a function after every clip."""

    def __init__(self, callback: Callable[[ExtractionProgress], None]) -> None:
        self._callback = callback
        self._done = self._total = 0
        self._summary = ExtractionSummary()

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Remember how many clips there are."""
        self._total, self._summary = clips, summary

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Call the function."""
        self._done += 1
        rate = self._summary.frames_per_second
        self._callback(ExtractionProgress(outcome.clip.id, self._done, self._total, rate))


class BarWatcher(ExtractionWatcher):
    """Shows a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._done = self._total = 0
        self._summary = ExtractionSummary()
        self._last = 0.0
        self._bar: Progress | None = None

    def note(self, line: str) -> None:
        """Print it."""
        self.console.print(line)

    def begin(self, clips: int, summary: ExtractionSummary) -> None:
        """Show that nothing is done yet."""
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
        """Show one more."""
        self._done += 1
        rate = self._summary.frames_per_second
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, rate=rate)
        elif time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            left = self._summary.seconds / self._done * (self._total - self._done)
            self.console.print(f"{self._done}/{self._total} clips, {rate:.1f} frames/s, {left:.0f} s left")

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()

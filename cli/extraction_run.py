"""What masa-extract shows while it runs and at its end."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.corpora.ranges import VideosMode
from masa_data.errors import DataError
from masa_data.estimators.choice import EstimatorChoice
from masa_data.extraction.pipeline import ClipOutcome, Summary, extract_clips
from masa_data.extraction.replaced import replaced_clips
from masa_data.shards.builder import DatasetBuilder
from masa_data.texts import counted
from masa_data.tracks.provenance import Sampling

_REPLACED_IN_SHARDS: Final = (
    "the video has been replaced since it was extracted, and shards stay as they are written",
    "Give --overwrite to extract all anew",
)

# So many problems are printed; the file of failures has them all.
_SHOWN = 10


class ExtractionRun:
    """Shows one extraction as it goes on, and counts."""

    def __init__(
        self, console: Console, builder: DatasetBuilder, problem_file: TextIO, verbose: bool, strict: bool
    ) -> None:
        self.summary = Summary()
        self._skipped = 0
        self.missing = 0
        self._missing_line = ""
        self._problems: list[Problem] = []
        self._console = console
        self._builder = builder
        self._problem_file = problem_file
        self._verbose = verbose
        self._strict = strict

    def extract(
        self,
        listing: Listing,
        choice: EstimatorChoice,
        sampling: Sampling,
        workers: int,
        videos: VideosMode,
    ) -> None:
        """Extract what is not there yet, showing progress.

        Raises:
            DataError: at the first failure, if the run is strict; or if the estimator cannot be loaded.
            OSError: if the disk is full.
        """
        for problem in listing.problems:
            self._note(problem)
        self.missing = listing.missing
        self._missing_line = missing_line(listing)
        if self._strict and self.missing:
            raise DataError(missing_line(listing).rstrip("."), "Fetch them, or leave --strict out")
        self.summary.failed = sum(problem.kind == "failed" for problem in listing.problems)
        clips = [clip for clip in listing.clips if clip.id not in self._builder]
        if len(clips) < len(listing.clips):
            clips = self._with_replaced(listing.clips)
        self._skipped = len(listing.clips) - len(clips)
        if self._skipped:
            there = counted(self._skipped, "clip is", "clips are")
            self._console.print(f"{there} there already; going on with {len(clips):,}")
        if not clips:
            return
        outcomes = extract_clips(clips, self._builder, choice, sampling, min(workers, len(clips)), videos)
        try:
            with progress(self._console, len(clips), self.summary) as advance:
                for outcome, clamped in outcomes:
                    self.summary.add(outcome, clamped)
                    self._show(outcome)
                    advance()
        finally:
            outcomes.close()

    def _with_replaced(self, clips: list[Clip]) -> list[Clip]:
        """The clips that are not done yet, and those of replaced videos, unless shards hold them."""
        replaced = {clip.id for clip in replaced_clips(clips, self._builder)}
        if replaced and self._builder.can_replace:
            self._console.print(
                f"{len(replaced):,} done clips are of videos that have been replaced since: "
                "they are extracted again"
            )
        elif replaced:
            for clip in clips:
                if clip.id in replaced:
                    self._note(Problem(clip.id, clip.path, "warning", *_REPLACED_IN_SHARDS))
            replaced = set()
        return [clip for clip in clips if clip.id in replaced or clip.id not in self._builder]

    def _show(self, outcome: ClipOutcome) -> None:
        if self._verbose and outcome.track is not None:
            self._console.print(f"{outcome.clip.id}: {counted(len(outcome.track), 'frame')}")
        for problem in outcome.problems:
            self._note(problem)

    def _note(self, problem: Problem) -> None:
        self._problems.append(problem)
        self._problem_file.write(json.dumps(asdict(problem), ensure_ascii=False) + "\n")
        self._problem_file.flush()
        if self._verbose:
            self._console.print(f"{problem.kind}: {problem.path!r}: {problem.reason}")
        if self._strict and problem.kind == "failed":
            raise DataError(
                f"{problem.path!r}: {problem.reason}",
                f"{problem.advice}. Stopped at the first failure, as --strict asks; run it again to go on",
            )

    def print_end(self, out: Path, failures: Path, *, nothing: bool) -> None:
        """Print the table of what was done, the last problems, and what comes next."""
        summary = self.summary
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(justify="right")
        table.add_row("clips done", f"{summary.done:,}")
        table.add_row("clips skipped (done before)", f"{self._skipped:,}")
        table.add_row("clips failed", f"{summary.failed:,}")
        if self.missing:
            table.add_row("clips of the lists not on disk", f"{self.missing:,}")
        table.add_row("frames", f"{summary.frames:,}")
        table.add_row("frames/s", f"{summary.frames_per_second:.1f}")
        if summary.frames:
            table.add_row("left hand found", f"{summary.left_hand / summary.frames:.0%} of frames")
            table.add_row("right hand found", f"{summary.right_hand / summary.frames:.0%} of frames")
            table.add_row("mean confidence", f"{summary.confidence / summary.frames:.2f}")
        for what, cases in (("frame range", summary.ranges), ("box", summary.crops)):
            if set(cases) - {"whole"}:
                table.add_row(f"{what} of the corpus", ", ".join(f"{k} {v:,}" for k, v in cases.items()))
        if summary.several_people:
            table.add_row("clips with several people", f"{summary.several_people:,}")
        if summary.clamped:
            table.add_row("keypoints too far outside", f"{summary.clamped:,}")
        self._console.print(table)
        for problem in self._problems[-_SHOWN:]:
            self._console.print(f"{problem.kind}: {problem.path!r}: {problem.reason}")
        if self._problems:
            self._console.print(problems_in(len(self._problems), failures))
        else:
            failures.unlink(missing_ok=True)
        if self.missing:
            self._console.print(self._missing_line)
        if nothing:
            self._console.print(f"No clip could be extracted; {out} was not written.")
        else:
            done = f"Wrote {out}." if summary.done else f"{out} has nothing new."
            self._console.print(f"{done} Next: masa-inspect {shlex.quote(str(out))}")


def problems_in(count: int, failures: Path) -> str:
    """A line that says where the list of problems is."""
    return f"{counted(count, 'problem')}; see {failures} for what to do"


def missing_line(listing: Listing) -> str:
    """A line about clips that a corpus names and that are not on disk."""
    corpus = next((clip.corpus for clip in listing.clips), "NAME")
    are = counted(listing.missing, "clip of the lists is", "clips of the lists are")
    return f"{are} not on disk; masa-corpus check {corpus} --root ROOT --missing missing.csv lists them."


def warn_of_empty_splits(console: Console, out: Path, empty: list[str]) -> None:
    """Say that a split got no clip, which else shows when a model is to be chosen by it."""
    if empty:
        console.print(
            f"No clip is in {' or '.join(empty)}: with so few clips of a gloss, the first goes to train. "
            f"Deal again with masa-convert split {shlex.quote(str(out))} --again --by random --seed 1, or by "
            "signer, or add clips."
        )


def refuse_without_clock(clips: list[Clip]) -> None:
    """Check that every clip has a clock, by which frames can be thinned out.

    Raises:
        DataError: if one is a folder of images.
    """
    folders = [clip for clip in clips if clip.source.is_dir()]
    if folders:
        raise DataError(
            f"--max-fps goes by the clock, and {len(folders):,} of {len(clips):,} clips are folders of "
            f"images that have none (first: {folders[0].path!r})",
            "Give --every N for them, and extract them apart from the videos",
        )


@contextmanager
def progress(console: Console, clips: int, summary: Summary) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, a line every ten seconds elsewhere; yields a function to call after each clip."""
    if not console.is_terminal:
        last = time.monotonic()
        done = 0

        def print_line() -> None:
            nonlocal last, done
            done += 1
            if time.monotonic() - last > 10:
                last = time.monotonic()
                left = summary.seconds / done * (clips - done)
                console.print(
                    f"{done}/{clips} clips, {summary.frames_per_second:.1f} frames/s, {left:.0f} s left"
                )

        yield print_line
        return
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("clips · {task.fields[rate]:.1f} frames/s ·"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
    )
    with bar:
        task = bar.add_task("", total=clips, rate=0.0)

        def advance() -> None:
            bar.update(task, advance=1, rate=summary.frames_per_second)

        yield advance

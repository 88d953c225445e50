"""masa-extract: videos in, one file of pose tracks out."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.corpora.inputs import list_inputs
from masa_data.engines import available_cores
from masa_data.errors import DataError
from masa_data.estimators.base import ESTIMATORS, Device, EstimatorChoice, choose_estimator
from masa_data.estimators.mediapipe import mediapipe_identity
from masa_data.extract import ClipOutcome, Summary, extract_clips
from masa_data.shards.builder import DatasetBuilder
from masa_data.shards.spec import Provenance, Sampling, SplitRule
from masa_data.version import VERSION

from .console import (
    CONTEXT,
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    errors_in_one_line,
    make_console,
)

_EXAMPLES = """
\b
Examples:
  masa-extract videos/ out.h5                      a folder, with its subfolders as glosses
  masa-extract clips.csv out.h5                    path,label,split,signer,start,end
  masa-extract a.mp4 b.mov 'more/*.gif' out.h5     files and patterns
  masa-extract videos/ out.h5 --split-by signer    70/10/20 without a signer in two splits
  masa-extract videos/ out.h5 --dry-run            what would be done

If it is stopped, the same command goes on where it was.
"""


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUT.h5")
@click.option(
    "--estimator",
    type=click.Choice(ESTIMATORS),
    help="What finds the keypoints [default: the best installed].",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes that work side by side [default: one a core]."
)
@click.option(
    "--shard-clips",
    type=click.IntRange(min=1),
    help="Write numbered shards of so many clips, and OUT.h5 as their index.",
)
@click.option(
    "--split-by",
    type=click.Choice(["random", "signer"]),
    help="Deal clips without a split to train, val and test, 70/10/20.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the deal.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many clips.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, help="Keep every so manyth frame."
)
@click.option(
    "--max-fps", type=click.FloatRange(min=0, min_open=True), help="Keep at most so many frames a second."
)
@click.option(
    "--overwrite/--resume",
    default=False,
    help="Start afresh, or go on with what OUT.h5 has [default: resume].",
)
@click.option(
    "--failures",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where problems are listed, a JSON line each [default: OUT.h5.failures.jsonl].",
)
@click.option("--strict", is_flag=True, help="Stop at the first clip that fails.")
@click.option("--dry-run", is_flag=True, help="List the clips and what would be done; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for every clip.")
@click.version_option(VERSION)
def main(
    paths: tuple[str, ...],
    estimator: str | None,
    device: Device,
    workers: int | None,
    shard_clips: int | None,
    split_by: Literal["random", "signer"] | None,
    seed: int,
    limit: int | None,
    every: int,
    max_fps: float | None,
    overwrite: bool,
    failures: Path | None,
    strict: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Find the 49 keypoints in every frame of sign videos and write them to one file.

    INPUT is a video, a folder of videos or of numbered images, a CSV list or a pattern. Exit code 0: all
    clips worked; 3: some failed (they are listed, and the rest is in OUT.h5); 2: wrong usage.
    """
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-extract"):
        *inputs, out_name = paths
        out = Path(out_name)
        if not inputs or out.suffix.lower() not in (".h5", ".hdf5"):
            raise DataError(
                f"found {len(paths)} paths ending in {out_name!r}, expected INPUT... and then an output file "
                "that ends in .h5",
                "Run masa-extract --help for examples",
            )
        choice = choose_estimator(estimator, device)
        provenance = Provenance(
            estimator=mediapipe_identity(),
            sampling=Sampling(every=every, max_fps=max_fps),
            split_rule=SplitRule(by=split_by, seed=seed) if split_by else None,
            tool_version=VERSION,
        )
        listing = list_inputs(inputs)
        listing.clips = listing.clips[:limit]
        _print_listing(console, listing, choice, provenance)
        if dry_run:
            _print_dry_run(console, listing, out)
            return
        failures = failures or out.with_name(out.name + ".failures.jsonl")
        with (
            _problem_file(failures) as problem_file,
            DatasetBuilder(out, provenance, shard_clips=shard_clips, overwrite=overwrite) as builder,
        ):
            run = _Run(console, builder, problem_file, verbose, strict)
            try:
                with _sigterm_as_interrupt():
                    run.extract(listing, choice, provenance.sampling, workers or available_cores())
                    tracks = builder.finish([clip.id for clip in listing.clips])
            except KeyboardInterrupt:
                _leave_interrupted(out, builder)
        run.print_end(out, failures, nothing=tracks is None)
        if tracks is not None:
            tracks.close()
        sys.exit(EXIT_SOME_FAILED if run.summary.failed else 0)


class _Run:
    """Shows one extraction as it goes on, and counts."""

    def __init__(
        self, console: Console, builder: DatasetBuilder, problem_file: TextIO, verbose: bool, strict: bool
    ) -> None:
        self.summary = Summary()
        self._skipped = 0
        self._problems: list[Problem] = []
        self._console = console
        self._builder = builder
        self._problem_file = problem_file
        self._verbose = verbose
        self._strict = strict

    def extract(self, listing: Listing, choice: EstimatorChoice, sampling: Sampling, workers: int) -> None:
        for problem in listing.problems:
            self._note(problem)
        self.summary.failed = len(listing.problems)
        clips = [clip for clip in listing.clips if clip.id not in self._builder]
        self._skipped = len(listing.clips) - len(clips)
        if self._skipped:
            self._console.print(f"{self._skipped} clips are there already; going on with {len(clips)}")
        if not clips:
            return
        outcomes = extract_clips(clips, self._builder, choice, sampling, min(workers, len(clips)))
        try:
            with _progress(self._console, len(clips), self.summary) as advance:
                for outcome, clamped in outcomes:
                    self.summary.add(outcome, clamped)
                    self._show(outcome)
                    advance()
        finally:
            outcomes.close()

    def _show(self, outcome: ClipOutcome) -> None:
        if self._verbose and outcome.track is not None:
            self._console.print(f"{outcome.clip.id}: {len(outcome.track)} frames")
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
        summary = self.summary
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(justify="right")
        table.add_row("clips done", f"{summary.done:,}")
        table.add_row("clips skipped (done before)", f"{self._skipped:,}")
        table.add_row("clips failed", f"{summary.failed:,}")
        table.add_row("frames", f"{summary.frames:,}")
        table.add_row("frames/s", f"{summary.frames_per_second:.1f}")
        if summary.frames:
            table.add_row("left hand found", f"{summary.left_hand / summary.frames:.0%} of frames")
            table.add_row("right hand found", f"{summary.right_hand / summary.frames:.0%} of frames")
            table.add_row("mean confidence", f"{summary.confidence / summary.frames:.2f}")
        if summary.clamped:
            table.add_row("keypoints too far outside", f"{summary.clamped:,}")
        self._console.print(table)
        for problem in self._problems[:10]:
            self._console.print(f"{problem.kind}: {problem.path!r}: {problem.reason}")
        if self._problems:
            self._console.print(f"{len(self._problems)} problems, each with what to do, are in {failures}")
        else:
            failures.unlink(missing_ok=True)
        if nothing:
            self._console.print(f"No clip could be extracted; {out} was not written.")
        else:
            self._console.print(f"Wrote {out}. Next: masa-inspect {out}")


@contextmanager
def _progress(console: Console, clips: int, summary: Summary) -> Iterator[Callable[[], None]]:
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


@contextmanager
def _problem_file(path: Path) -> Iterator[TextIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        yield file


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat the polite kill that clusters send like Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave_interrupted(out: Path, builder: DatasetBuilder) -> NoReturn:
    click.echo(
        f"\nInterrupted. What is done is kept in {builder.folder}; the same command goes on from there.",
        err=True,
    )
    sys.exit(EXIT_INTERRUPTED)


def _print_listing(
    console: Console, listing: Listing, choice: EstimatorChoice, provenance: Provenance
) -> None:
    ignored = ", ".join(
        f"{ending or 'no ending'} ×{count}" for ending, count in listing.ignored.most_common(5)
    )
    glosses = {clip.gloss for clip in listing.clips if clip.gloss}
    console.print(
        f"{len(listing.clips):,} clips"
        + (f" of {len(glosses):,} glosses" if glosses else "")
        + (f"; passed over: {ignored}" if ignored else "")
    )
    console.print(
        f"Estimator: {choice.name} {provenance.estimator.version} on {choice.device} ({choice.reason})"
    )


def _print_dry_run(console: Console, listing: Listing, out: Path) -> None:
    for clip in listing.clips[:20]:
        console.print(f"  {_describe(clip)}")
    if len(listing.clips) > 20:
        console.print(f"  … and {len(listing.clips) - 20:,} more")
    for problem in listing.problems:
        console.print(f"{problem.kind}: {problem.path!r}: {problem.reason}. {problem.advice}")
    console.print(f"Dry run: {out} was not written.")


def _describe(clip: Clip) -> str:
    facts = [clip.gloss and f"gloss {clip.gloss}", clip.split, clip.signer and f"signer {clip.signer}"]
    return f"{clip.id}: {clip.path!r} {', '.join(filter(None, facts))}".rstrip()

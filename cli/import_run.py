"""What masa-convert's imports share: progress, the list of problems, and the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TextIO, TypedDict

from rich.console import Console

from masa_data.corpora.clip import Listing, Problem
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.formats.collector import Imported, TrackCollector, import_each
from masa_data.formats.reading import Reading, Units
from masa_data.formats.wholebody import WholeBodyImport
from masa_data.texts import counted
from masa_data.tracks.provenance import Provenance

from .console import EXIT_SOME_FAILED, clips_bar, make_console
from .extraction_run import problems_in

_SHOWN = 10


class _Problems:
    """Writes each problem as a line of JSON, and remembers the first few and the counts."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.first: list[Problem] = []
        self.count = 0
        self.failed = 0

    def note(self, problem: Problem) -> None:
        self._file.write(json.dumps(asdict(problem), ensure_ascii=False) + "\n")
        self.count += 1
        self.failed += problem.kind == "failed"
        if self.count <= _SHOWN:
            self.first.append(problem)


class CommonOptions(TypedDict):
    """The options that every import of whole-body keypoints has."""

    corpus: str
    model: str
    estimator: str | None
    units: Units
    overwrite: bool
    failures: Path | None
    quiet: bool


def run_import(
    console: Console,
    out: Path,
    outcomes: Iterable[Imported],
    total: int | None,
    provenance: Callable[[], Provenance],
    warning: Callable[[], str | None],
    *,
    overwrite: bool,
    failures: Path | None,
) -> int:
    """Collect tracks into a file and say what became of them.

    Args:
        console: where to print.
        out: the file to make.
        outcomes: the clips, and inputs that cannot be listed.
        total: how many outcomes there are; None = unknown.
        provenance: what to record of the file, asked for after the last clip.
        warning: what is odd about all clips together, asked for after the last clip.
        overwrite: whether `out` may be there.
        failures: where problems are listed; None = beside `out`.

    Returns:
        the exit code.

    Raises:
        DataError: if `out` cannot be made.
        OSError: if the disk is full.
    """
    failures = failures or out.with_name(out.name + ".failures.jsonl")
    frames = clamped = clips = 0
    with TrackCollector(out, overwrite=overwrite) as collector:
        if collector.note:
            console.print(f"{collector.note}.")
        failures.parent.mkdir(parents=True, exist_ok=True)
        with failures.open("w", encoding="utf-8", errors="replace") as file, clips_bar(console) as bar:
            problems = _Problems(file)
            task = bar.add_task("", total=total)
            for outcome in outcomes:
                for problem in outcome.problems:
                    problems.note(problem)
                if outcome.track is not None:
                    try:
                        clamped += collector.add(outcome.track).clamped
                        clips, frames = clips + 1, frames + len(outcome.track)
                    except DataError as error:
                        info = outcome.track.info
                        problems.note(Problem.of(error, info.path, info.id))
                bar.advance(task)
            if text := warning():
                problems.note(Problem("", str(out), "warning", text, "Look which model gave the scores"))
        if clips:
            collector.finish(provenance())
    console.print(
        f"{counted(clips, 'clip')}, {counted(frames, 'frame')} imported; {problems.failed:,} failed"
    )
    if clamped:
        console.print(f"{clamped:,} keypoints lay more than a frame outside and were dropped")
    for problem in problems.first:
        console.print(f"{problem.kind}: {problem.path!r}: {problem.reason}")
    if problems.count:
        console.print(problems_in(problems.count, failures))
    else:
        failures.unlink()
    console.print(
        f"Wrote {out}. Next: masa-inspect {out}"
        if clips
        else f"No clip could be imported; {out} was not written."
    )
    return EXIT_SOME_FAILED if problems.failed or not clips else 0


def is_listed(listing: Listing) -> bool:
    """Whether a list beside the files says size and rate of some clip."""
    return any(clip.listed is not None for clip in listing.clips)


def reading_of(options: CommonOptions, *, swap_size: bool = False) -> Reading:
    """What the options say of the numbers in the files."""
    return Reading(options["units"], swap_size, options["estimator"])


def as_problem(error: DataError | OSError, name: str, clip: str = "") -> Problem:
    """A file that cannot be used, which costs a line and not the others."""
    if isinstance(error, OSError):
        error = in_words(error, "")
    return Problem.of(error, name, clip)


def run_whole_body(
    out: Path,
    listing: Listing,
    importer: WholeBodyImport,
    source: str,
    options: CommonOptions,
    outcomes: Iterator[Imported] | None = None,
) -> int:
    """Import the clips of a listing as `run_import` does.

    Args:
        out: the file to make.
        listing: the clips, and what is wrong with the inputs.
        importer: reads them.
        source: the format, to be recorded.
        options: of the command.
        outcomes: what becomes of the clips, if the listing does not tell how many there are.

    Returns:
        the exit code.
    """
    return run_import(
        make_console(quiet=options["quiet"]),
        out,
        chained(listing.problems, outcomes or import_each(listing.clips, importer.track)),
        None if outcomes else len(listing.problems) + len(listing.clips),
        lambda: importer.provenance(source, options["model"]),
        importer.score_warning,
        overwrite=options["overwrite"],
        failures=options["failures"],
    )


def chained(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    """What is wrong with the inputs, then what became of the clips."""
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes

"""An import: clips one by one, what to record of them when all have come, and how they become a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from masa_data.corpora.clip import Listing, Problem
from masa_data.corpora.problem_list import ProblemList
from masa_data.errors import DataError, Words, in_python
from masa_data.formats.collector import Imported, TrackCollector, import_each
from masa_data.formats.wholebody import WholeBodyImport
from masa_data.tracks.provenance import Provenance


@dataclass(slots=True)
class ImportJob:
    """Clips to be imported. Use as a context manager: it may hold files open.

    Attributes:
        outcomes: what becomes of each clip, and of inputs that cannot be listed; to be iterated once.
        total: how many outcomes there are; None = unknown.
        provenance: gives what to record of the clips, once the last has come.
        warning: gives what is odd about all clips together, once the last has come; None = nothing.
        resources: what is held open.
    """

    outcomes: Iterator[Imported]
    total: int | None
    provenance: Callable[[], Provenance]
    warning: Callable[[], str | None] = lambda: None
    resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resources.close()


def whole_body_job(
    listing: Listing,
    importer: WholeBodyImport,
    source: str,
    model: str,
    outcomes: Iterator[Imported] | None = None,
) -> ImportJob:
    """The job of importing the clips of a listing.

    Args:
        listing: the clips, and what is wrong with the inputs.
        importer: reads them.
        source: the format, to be recorded.
        model: the model that found the keypoints, to be recorded.
        outcomes: what becomes of the clips, if the listing does not tell how many there are.
    """
    return ImportJob(
        after_problems(listing.problems, outcomes or import_each(listing.clips, importer.track)),
        None if outcomes else len(listing.problems) + len(listing.clips),
        lambda: importer.provenance(source, model),
        importer.score_warning,
    )


def after_problems(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    """What is wrong with the inputs, then what became of the clips."""
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes


@dataclass(slots=True)
class ImportSummary:
    """What became of an import.

    Attributes:
        out: the file that it was for; it is written if there is a clip.
        note: a line for the user about the file system; "" if there is nothing to say.
        clips: how many were imported.
        frames: of these clips.
        clamped: keypoints dropped because they lay more than a frame outside.
        failed: clips and inputs that failed.
        problems: failures, and warnings about clips that were kept.
        failures: the file that lists the problems, if there are any.
    """

    out: Path
    note: str = ""
    clips: int = 0
    frames: int = 0
    clamped: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)
    failures: Path | None = None


def run_import(
    job: ImportJob,
    out: Path,
    *,
    overwrite: bool = False,
    failures: Path | None = None,
    words: Words = in_python,
    clip_done: Callable[[], None] = lambda: None,
) -> ImportSummary:
    """Collect the clips of a job into a file.

    Args:
        job: the clips.
        out: the file to make.
        overwrite: whether it may be there.
        failures: where problems are listed, a line of JSON each; None = beside `out`.
        words: how their advice names arguments.
        clip_done: called after every outcome.

    Raises:
        ExistsError: if `out` is there and may not be.
        DataError: if it cannot be made.
        OSError: if the disk is full; `out` is as before.
    """
    summary = ImportSummary(out)
    failures = failures or out.with_name(out.name + ".failures.jsonl")
    with TrackCollector(out, overwrite=overwrite) as collector:
        summary.note = collector.note
        with ProblemList(failures, words) as problems:
            for outcome in job.outcomes:
                for problem in outcome.problems:
                    problems.note(problem)
                if outcome.track is not None:
                    try:
                        summary.clamped += collector.add(outcome.track).clamped
                        summary.clips += 1
                        summary.frames += len(outcome.track)
                    except DataError as error:
                        info = outcome.track.info
                        problems.note(Problem.of(error, info.path, info.id))
                clip_done()
            if text := job.warning():
                problems.note(Problem("", str(out), "warning", text, "Look which model gave the scores"))
        if summary.clips:
            collector.finish(job.provenance())
    summary.failed = problems.failed
    summary.problems = problems.problems
    summary.failures = failures if problems.problems else None
    return summary

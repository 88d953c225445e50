"""An import job: it yields clips one by one, provides their provenance at the end, and writes a file."""

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
    """Clips to import. Use as a context manager, because it may keep files open.

    Attributes:
        outcomes: results of the clips, and of inputs that cannot be listed; can be iterated once.
        total: number of results; None = unknown.
        provenance: returns the provenance of the clips, after the last result.
        warning: returns a warning about all clips together, after the last result; None = none.
        resources: open files.
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
    """Return the job of importing the clips of a listing.

    Args:
        listing: the clips, and the problems of the inputs.
        importer: reads the clips.
        source: name of the format, for the provenance.
        model: model that found the keypoints, for the provenance.
        outcomes: results of the clips, if the listing does not contain each clip.
    """
    return ImportJob(
        after_problems(listing.problems, outcomes or import_each(listing.clips, importer.track)),
        None if outcomes else len(listing.problems) + len(listing.clips),
        lambda: importer.provenance(source, model),
        importer.score_warning,
    )


def after_problems(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    """Yield the problems of the inputs, then the results of the clips."""
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes


@dataclass(slots=True)
class ImportSummary:
    """The result of an import.

    Attributes:
        out: path of the output file; it is written if there is at least one clip.
        note: a message for the user about the file system; "" = none.
        clips: number of imported clips.
        frames: number of frames of these clips.
        clamped: number of keypoints that were dropped because they were more than one frame size outside.
        failed: number of clips and inputs that failed.
        problems: failures, and warnings about imported clips.
        signers: names of the signers.
        has_splits: whether any clip has a split.
        failures: path of the file that lists the problems; None = no problems.
    """

    out: Path
    note: str = ""
    clips: int = 0
    frames: int = 0
    clamped: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)
    signers: set[str] = field(default_factory=set)
    has_splits: bool = False
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
    """Write the clips of a job to a file.

    Args:
        job: the clips.
        out: path of the output file.
        overwrite: whether an existing file may be replaced.
        failures: path of the list of problems, one line of JSON each; None = next to `out`.
        words: formats the names of arguments in the advice.
        clip_done: called after every result.

    Raises:
        ExistsError: if `out` exists and must not be replaced.
        DataError: if it cannot be written.
        OSError: if the disk is full; `out` is unchanged.
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
                        summary.has_splits |= bool(outcome.track.info.split)
                        summary.signers |= {outcome.track.info.signer} - {""}
                    except DataError as error:
                        info = outcome.track.info
                        problems.note(Problem.of(error, info.path, info.id))
                clip_done()
            if text := job.warning():
                problems.note(Problem("", str(out), "warning", text, "Check which model computed the scores"))
        if summary.clips:
            collector.finish(job.provenance())
    summary.failed = problems.failed
    summary.problems = problems.problems
    summary.failures = failures if problems.problems else None
    return summary

"""An extraction from its plan to its file: existing clips are skipped, others are extracted and written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from masa_data.classes.splits import empty_splits
from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.corpora.problem_list import ProblemList
from masa_data.errors import DataError, Words, in_python
from masa_data.estimators.choice import default_workers
from masa_data.extraction.pipeline import extract_clips
from masa_data.extraction.plan import ExtractionPlan
from masa_data.extraction.replaced import replaced_clips
from masa_data.extraction.summary import ExtractionSummary
from masa_data.extraction.watching import ExtractionWatcher
from masa_data.shards.builder import DatasetBuilder
from masa_data.texts import counted

_REPLACED_IN_SHARDS: Final = DataError(
    "the video has been replaced since it was extracted, but clips in shards cannot be replaced",
    "Give {overwrite} to extract all clips again",
    overwrite=True,
)


@dataclass(frozen=True, slots=True)
class Output:
    """Output file and settings of an extraction.

    Attributes:
        out: path of the output file, new or existing.
        shard_clips: number of clips per shard; None = one self-contained file, or as in an existing `out`.
        overwrite: whether to start from the beginning instead of adding to an existing `out`.
        failures: path of the list of problems, one line of JSON each; None = no list.
        words: formats the names of arguments in the advice.
        workers: number of parallel processes; None = one per core, or one in total for a GPU.
        strict: whether the first clip that fails stops the run.
    """

    out: Path
    shard_clips: int | None = None
    overwrite: bool = False
    failures: Path | None = None
    words: Words = in_python
    workers: int | None = None
    strict: bool = False


def run_extraction(
    plan: ExtractionPlan, output: Output, watcher: ExtractionWatcher | None = None
) -> ExtractionSummary:
    """Extract the missing clips and write the file. If interrupted, make the same call again: it continues.

    Args:
        plan: the plan of the extraction.
        output: output file and settings.
        watcher: receives the progress.

    Returns:
        the result, with a list of clips that failed; the others are in the file.

    Raises:
        DataError: if the file has other settings or another process writes it, if the estimator cannot be
            loaded, or if splits cannot be assigned; or at the first failure, if the run is strict.
        OSError: if the disk is full; finished clips are kept next to `out`.
    """
    with ExitStack() as stack:
        problems = stack.enter_context(ProblemList(output.failures, output.words))
        builder = stack.enter_context(
            DatasetBuilder(
                output.out,
                plan.provenance,
                shard_clips=output.shard_clips,
                overwrite=output.overwrite,
            )
        )
        job = _Job(plan, output, watcher or ExtractionWatcher(), builder, problems)
        job.extract()
        return job.finish()


def missing_line(listing: Listing) -> str:
    """Return a line about clips that a corpus names and that are not on disk."""
    corpus = next((clip.corpus for clip in listing.clips), "NAME")
    are = counted(listing.missing, "clip of the lists is", "clips of the lists are")
    return f"{are} not on disk; masa-corpus check {corpus} --root ROOT --missing missing.csv lists them."


class _Job:
    """A running extraction."""

    def __init__(
        self,
        plan: ExtractionPlan,
        output: Output,
        watcher: ExtractionWatcher,
        builder: DatasetBuilder,
        problems: ProblemList,
    ) -> None:
        self._plan = plan
        self._output = output
        self._watcher = watcher
        self._builder = builder
        self._problems = problems
        self._summary = ExtractionSummary(out=output.out, problems=problems.problems)

    def extract(self) -> None:
        plan, builder, summary = self._plan, self._builder, self._summary
        if builder.note:
            self._watcher.note(f"{builder.note}.")
        builder.check_split_rule(plan.listing.clips)
        for problem in plan.listing.problems:
            self._note(problem)
        summary.missing = plan.listing.missing
        if self._output.strict and summary.missing:
            lacking = missing_line(plan.listing).rstrip(".")
            raise DataError(lacking, "Download them, or leave out {strict}", strict=...)
        summary.failed = self._problems.failed
        clips = [clip for clip in plan.listing.clips if clip.id not in builder]
        if len(clips) < len(plan.listing.clips):
            clips = self._with_replaced(plan.listing.clips)
        summary.skipped = len(plan.listing.clips) - len(clips)
        if summary.skipped:
            there = counted(summary.skipped, "clip is", "clips are")
            self._watcher.note(f"{there} already done; continuing with {len(clips):,}")
        if clips:
            self._extract(clips)

    def finish(self) -> ExtractionSummary:
        summary = self._summary
        tracks = self._builder.finish([clip.id for clip in self._plan.listing.clips])
        summary.ended = monotonic()
        summary.failures = self._output.failures if self._problems.problems else None
        if tracks is not None:
            with tracks:
                summary.is_written = True
                if self._plan.provenance.split_rule is not None:
                    summary.empty_splits = empty_splits(tracks.column("split").tolist())
        return summary

    def _extract(self, clips: list[Clip]) -> None:
        plan = self._plan
        workers = min(self._output.workers or default_workers(plan.choice), len(clips))
        sampling = plan.provenance.sampling
        outcomes = extract_clips(clips, self._builder, plan.choice, sampling, workers, plan.videos)
        self._watcher.begin(len(clips), self._summary)
        try:
            for outcome, clamped in outcomes:
                self._summary.add(outcome, clamped)
                self._watcher.clip_done(outcome)
                for problem in outcome.problems:
                    self._note(problem)
        finally:
            self._watcher.end()
            outcomes.close()

    def _with_replaced(self, clips: list[Clip]) -> list[Clip]:
        """Return the clips that are not done, and those of replaced videos that are not in shards."""
        replaced = {clip.id for clip in replaced_clips(clips, self._builder)}
        if replaced and self._builder.can_replace:
            self._watcher.note(
                f"{len(replaced):,} finished clips are of videos that have been replaced since: "
                "they are extracted again"
            )
        elif replaced:
            for clip in clips:
                if clip.id in replaced:
                    self._note(Problem.warning(clip, _REPLACED_IN_SHARDS))
            replaced = set()
        return [clip for clip in clips if clip.id in replaced or clip.id not in self._builder]

    def _note(self, problem: Problem) -> None:
        self._problems.note(problem)
        self._watcher.problem(problem)
        if self._output.strict and problem.kind == "failed":
            error = problem.as_error().followed_by(
                ". Stopped at the first failure because of {strict}; run it again to continue", strict=True
            )
            raise error.about(repr(problem.path))

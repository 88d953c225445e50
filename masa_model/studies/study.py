"""A study on this machine: its folder, and the processes that measure its cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final

from masa_data.disk.new_files import write_whole
from masa_data.errors import DataError
from masa_data.shards.several import open_each, record_of
from masa_model.pictures.study import draw_study
from masa_model.pictures.style import pdf_of, png_of, style
from masa_model.runs.beginning import check_same_files
from masa_model.studies.cells import Cell, CellFile, CellResult, as_json, cells_of, pretraining_key
from masa_model.studies.recipe import Recipe
from masa_model.studies.summary import summarize
from masa_model.studies.tables import latex_table, markdown_page
from masa_model.studies.work import Job, Place, do, do_all
from masa_model.training.run_folder import DATA, RunFolder

CELLS: Final = "cells.jsonl"
TABLE: Final = "table.md"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: the job.
        result: result of a cell; None for a pre-training, and if the job failed.
        problem: why the job failed; "" if it did not.
    """

    job: Job
    result: CellResult | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """A study and its folder, which contains the results, the pre-trainings, the table and the plot.

    Attributes:
        recipe: what is measured.
        files: files of pose tracks.
        folder: folder of the study.
    """

    recipe: Recipe
    files: tuple[Path, ...]
    folder: Path

    @classmethod
    def open(cls, recipe: Recipe, files: Sequence[Path], folder: Path) -> Study:
        """Start a study, or continue the one in the folder; results of unchanged cells are kept.

        Args:
            recipe: what is measured.
            files: files of pose tracks.
            folder: folder of the study.

        Raises:
            DataError: if a file cannot be used, or the study was started with other files.
        """
        record = record_of(open_each(files))
        folder.mkdir(parents=True, exist_ok=True)
        run = RunFolder(folder)
        if (folder / DATA).exists():
            check_same_files(run, record)
        run.write_json(DATA, record)
        return cls(recipe, tuple(files), folder)

    def held(self) -> AbstractContextManager[str]:
        """Lock the folder within a `with` block; see `RunFolder.held`."""
        return RunFolder(self.folder).held()

    def results(self) -> dict[Cell, CellResult]:
        """Return the results so far that are of the recipe as it is now.

        Raises:
            DataError: if the file of results is damaged.
        """
        return CellFile(self.folder / CELLS).read(self.recipe)

    def missing(self, only: str = "") -> list[Cell]:
        """Return the cells that are not measured yet, in the order in which they will be measured.

        Args:
            only: only cells whose name contains this text.
        """
        there = self.results()
        return [cell for cell in cells_of(self.recipe) if cell not in there and only in str(cell)]

    def measure(
        self,
        place: Place,
        *,
        only: str = "",
        hours: float = float("inf"),
        begun: Callable[[Job], None] = lambda job: None,
    ) -> Iterator[Outcome]:
        """Measure the missing cells, seed by seed, each after the pre-training that it needs.

        Closing the iterator ends all processes. What was finished is kept, and a pre-training continues from
        its last checkpoint. `write_table` writes the table and the plot, at any time.

        Args:
            place: the processes and their devices.
            only: only cells whose name contains this text.
            hours: no job begins after this number of hours.
            begun: called when a job begins.

        Yields:
            the outcome of each job as it ends.
        """
        started, cells = time.monotonic(), CellFile(self.folder / CELLS)
        cells.drop_incomplete_line()
        missing, failed = self.missing(only), dict[str, str]()

        def in_time(jobs: Sequence[Job]) -> Iterator[Job]:
            for job in takewhile(lambda _: time.monotonic() - started < 3600 * hours, jobs):
                begun(job)
                yield job

        for seed in range(self.recipe.seeds):
            of_seed = [cell for cell in missing if cell.seed == seed]
            for jobs in self._in_order(of_seed, failed):
                if jobs and jobs[0].pretraining is None:
                    yield from (
                        Outcome(job, problem=f"its pre-training failed: {failed[job.needs]}")
                        for job in jobs
                        if job.needs in failed
                    )
                possible = [job for job in jobs if job.needs not in failed]
                work = partial(do, self.recipe, self.files, self.folder, place)
                for job, found in do_all(work, in_time(possible), place.processes):
                    outcome = _outcome(job, found)
                    if outcome.problem and job.pretraining:
                        failed[job.pretraining] = outcome.problem
                    if outcome.result is not None:
                        cells.add(outcome.result)
                    yield outcome

    def write_table(self) -> str:
        """Write the table as Markdown and LaTeX, the cells as JSON, and the plot.

        Returns:
            the table as Markdown.
        """
        results = self.results()
        found = summarize(self.recipe, results)
        page = markdown_page(self.recipe, found, results)
        write_whole(self.folder / TABLE, page)
        write_whole(self.folder / "table.tex", latex_table(self.recipe, found))
        write_whole(self.folder / "cells.json", as_json(results))
        with style():
            figure = draw_study(self.recipe.rows, self.recipe.columns, found.seeds)
            write_whole(self.folder / "plot.png", png_of(figure))
            write_whole(self.folder / "plot.pdf", pdf_of(figure, placed=True))
        return page

    def _in_order(self, cells: list[Cell], failed: dict[str, str]) -> Iterator[list[Job]]:
        """Yield pre-trainings and cells that need none; then the cells that waited for a pre-training."""
        needs = {cell: pretraining_key(self.recipe, cell) for cell in cells}
        first: dict[str, Job] = {}
        for cell, key in needs.items():
            if key is not None and key not in failed:
                first.setdefault(key, Job(cell, pretraining=key))
        undone = [job for job in first.values() if not self._is_pretrained(job)]
        yield undone + [Job(cell) for cell, key in needs.items() if key is None]
        yield [Job(cell, needs=key) for cell, key in needs.items() if key is not None]

    def _is_pretrained(self, job: Job) -> bool:
        folder = job.run_in(self.folder)
        if not folder.last.exists():
            return False
        cell = self.recipe.of(job.cell.row, job.cell.column)
        return len(folder.read_metrics()) >= cell.pretrain_settings(0).epochs


def _outcome(job: Job, found: CellResult | BaseException | None) -> Outcome:
    if isinstance(found, DataError):
        return Outcome(job, problem=found.reason)
    if isinstance(found, BaseException):
        return Outcome(job, problem=f"{type(found).__name__}: {found}".partition("\n")[0])
    return Outcome(job, found)

"""The jobs of a study, done in processes of their own: a pre-training, or the measurement of a cell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import torch

from masa_data.disk.claims import TakenError, claim
from masa_data.extraction.workers import run_in_workers
from masa_data.machine.cores import available_cores
from masa_data.shards.several import open_each
from masa_model.studies.cells import Cell, CellResult, settings_key
from masa_model.studies.learners import guessed_classes
from masa_model.studies.recipe import Recipe
from masa_model.studies.selection import cell_clips, pretraining_clips
from masa_model.training.pretrain import pretrain
from masa_model.training.processes import joined_processes
from masa_model.training.run_folder import SETTINGS, RunFolder

PRETRAINED: Final = "pretrained"
_WAIT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a study.

    Attributes:
        cell: the measurement; for a pre-training, one of those that need it.
        pretraining: name of the pre-training to do; None = measure the cell.
        needs: name of the pre-training that the cell starts from; None = it needs none.
    """

    cell: Cell
    pretraining: str | None = None
    needs: str | None = None

    def __str__(self) -> str:
        return f"pre-training {self.pretraining}" if self.pretraining else str(self.cell)

    def run_in(self, study: Path) -> RunFolder:
        """Return the folder of the pre-training that is done or needed."""
        return RunFolder(study / PRETRAINED / str(self.pretraining or self.needs))


Done: TypeAlias = tuple[Job, CellResult | BaseException | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study computes.

    Attributes:
        processes: number of jobs at the same time.
        devices: devices to compute on; each GPU is used by one process at a time.
    """

    processes: int
    devices: tuple[str, ...] = ("cpu",)

    @classmethod
    def of(cls, device: str, processes: int | None) -> Place:
        """Choose devices and number of processes.

        Args:
            device: "auto" (all GPUs if there are any), "cpu", "cuda" (all GPUs), "cuda:1".
            processes: number of jobs at the same time; None = one for each GPU or CPU core.

        Raises:
            DataError: if the device cannot be used.
        """
        with joined_processes(device) as joined:
            kind = joined.device.type
        if kind != "cuda":
            return cls(processes or available_cores(), (kind,))
        named = device.startswith("cuda:")
        gpus = (device,) if named else tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
        return cls(min(processes or len(gpus), len(gpus)), gpus)

    @contextmanager
    def own_device(self, study: Path) -> Iterator[torch.device]:
        """Take a device that no other process of the study uses, within a `with` block.

        Args:
            study: folder of the study, for the lock files.
        """
        if self.devices == ("cpu",):
            # One thread each: results then do not depend on the number of processes.
            before = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                yield torch.device("cpu")
            finally:
                torch.set_num_threads(before)
            return
        while True:
            for name in self.devices:
                try:
                    holding = claim(study / f"{name.replace(':', '-')}.lock")
                except TakenError:
                    continue
                with holding:
                    yield torch.device(name)
                return
            time.sleep(_WAIT_S)


def do_all(work: Callable[[Job], CellResult | None], jobs: Iterable[Job], processes: int) -> Iterator[Done]:
    """Do jobs that do not wait for each other.

    Args:
        work: function that does a job: `do`, with its other arguments.
        jobs: the jobs; read one by one.
        processes: number of processes; a single job at a time is done in this one, which needs no start.

    Yields:
        each job with its result, or with the exception that it raised.
    """
    if processes > 1:
        yield from run_in_workers(work, jobs, processes)
        return
    for job in jobs:
        try:
            found: CellResult | Exception | None = work(job)
        except Exception as error:
            found = error
        yield job, found


def do(recipe: Recipe, files: tuple[Path, ...], study: Path, place: Place, job: Job) -> CellResult | None:
    """Do a job.

    Args:
        recipe: the study.
        files: files of pose tracks.
        study: folder of the study.
        place: the devices.
        job: what to do; the pre-training that a cell needs must be finished.

    Returns:
        the result of a cell; None for a pre-training.

    Raises:
        DataError: if the clips of a cell are too few, or a loss is not finite.
    """
    with place.own_device(study) as device:
        if job.pretraining is not None:
            _pretrain(recipe, files, job, job.run_in(study), device)
            return None
        return _measure(recipe, files, job, job.run_in(study).last if job.needs else None, device)


def _pretrain(
    recipe: Recipe, files: tuple[Path, ...], job: Job, folder: RunFolder, device: torch.device
) -> None:
    cell = recipe.of(job.cell.row, job.cell.column)
    settings = cell.pretrain_settings(recipe.pretraining_seed(job.cell.seed))
    data = pretraining_clips(open_each(files), settings, recipe.left_out, job.cell.fold)
    if not (folder.path / SETTINGS).exists():
        folder = RunFolder.create("pretrain", folder.path)
        folder.begin(settings, data.record())
    with joined_processes(str(device)) as processes:
        for _ in pretrain(settings, data, folder, processes):
            pass


def _measure(
    recipe: Recipe, files: tuple[Path, ...], job: Job, pretrained: Path | None, device: torch.device
) -> CellResult:
    started, cell = time.monotonic(), recipe.of(job.cell.row, job.cell.column)
    tuning = cell.finetune_settings(job.cell.seed)
    before = cell.pretrain_settings(recipe.pretraining_seed(job.cell.seed))
    clips = cell_clips(open_each(files), cell, tuning, recipe.left_out, job.cell.fold)
    guessed = guessed_classes(cell, (before, tuning), clips, pretrained, device)
    return CellResult.of(
        job.cell,
        settings_key(recipe, job.cell),
        guessed,
        clips.tested.targets,
        unknown=clips.unknown,
        seconds=time.monotonic() - started,
    )

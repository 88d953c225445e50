"""A run of fine-tuning: it reads files and writes a folder with a recognizer and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from masa_data.errors import DataError
from masa_model.inputs.labeled import FinetuneData, open_finetune_data
from masa_model.pictures.curves import finetuning_curves
from masa_model.pictures.recorder import Recorder
from masa_model.pictures.run_pictures import draw_finetuning
from masa_model.runs.beginning import check_same_files, lengthened, new_folder
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.finetune import finetune
from masa_model.training.precision import settle_precision
from masa_model.training.pretrained import check_estimators
from masa_model.training.processes import Processes
from masa_model.training.progress import Progress, explaining_memory
from masa_model.training.recognizer import classes_of
from masa_model.training.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Finetuning:
    """A new or resumed run of fine-tuning.

    Attributes:
        settings: settings of the run.
        data: training and validation clips with their classes.
        folder: folder of the run.
        device: device to compute on.
        before: settings that the run was started with; None for a new run.
        left_out: one line for each picture that could not be drawn.
    """

    settings: FinetuneSettings
    data: FinetuneData
    folder: RunFolder
    device: torch.device
    before: FinetuneSettings | None = None
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def new(
        cls,
        files: Sequence[Path],
        settings: FinetuneSettings,
        processes: Processes,
        folder: Path | None = None,
    ) -> Finetuning:
        """Open the files and create the folder of a new run.

        Args:
            files: files of pose tracks.
            settings: settings of the run.
            processes: the processes that train together; fine-tuning supports only one.
            folder: folder of the run; None = the next free one in runs/.

        Raises:
            DataError: if the files cannot be used, or their pose estimator differs from that of pre-training;
                if the folder already contains a run; if there are several processes.
        """
        _require_one(processes)
        data = open_finetune_data(files, settings.data, settings.seed)
        check_estimators(settings, data)  # before there is a folder
        settings = settle_precision(settings, processes.device)
        return cls(settings, data, new_folder("finetune", folder, processes), processes.device)

    @classmethod
    def resumed(
        cls, folder: RunFolder, processes: Processes, files: Sequence[Path] = (), epochs: int | None = None
    ) -> Finetuning:
        """Resume a run.

        Args:
            folder: folder of the run.
            processes: the processes that train together; fine-tuning supports only one.
            files: paths of the run's data files, if they were moved; empty = the recorded paths.
            epochs: larger total number of epochs, to make the run longer; None = unchanged.

        Raises:
            DataError: if the folder contains no run, or the files differ from those of the run.
        """
        _require_one(processes)
        before = folder.read_settings(FinetuneSettings)
        settings = lengthened(before, epochs, folder)
        begun_with = classes_of(folder.last)
        data = open_finetune_data(files or folder.files(), settings.data, settings.seed, begun_with)
        check_same_files(folder, data.record())
        return cls(settings, data, folder, processes.device, before)

    def train(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Train, one step for each item of the iterator, and draw the pictures at the end.

        The folder must be locked with `held_by`.

        Args:
            stop: called after every step; if it returns True, a checkpoint is saved and training stops.

        Yields:
            the progress after each step.

        Raises:
            DataError: if a checkpoint does not match the run, or a loss is not finite.
        """
        if self.settings != self.before:
            self.folder.begin(self.settings, self.data.record(), again=self.before is not None)
        with Recorder(self.folder, finetuning_curves) as recorder:
            finished = True  # a run that is already complete makes no step
            training = finetune(self.settings, self.data, self.folder, self.device, stop=stop)
            advice = "Start a run with half of batch_size"
            for progress in explaining_memory(training, self.settings.batch_size, advice):
                if progress.record is not None:
                    recorder.add(progress.record)
                finished = progress.step == progress.steps
                yield progress
            if finished and not stop():
                self.left_out.extend(draw_finetuning(recorder, self.folder, self.data, self.device))


def _require_one(processes: Processes) -> None:
    if processes.count > 1:
        raise DataError(
            f"found {processes.count} processes, expected one: fine-tuning runs in a single process",
            "Start it without torchrun",
        )

"""The checkpoints of pre-training: when they are written, and what they contain."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from masa_model.network.calibration import calibrated, showing
from masa_model.network.masa import MASA
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import TRAINED_ON, CheckpointHeader
from masa_model.training.checkpoint_writer import CheckpointWriter
from masa_model.training.content import content_keys
from masa_model.training.data import TrainingData
from masa_model.training.processes import Processes
from masa_model.training.run_folder import RunFolder


@dataclass(slots=True)
class PretrainSaver:
    """Saves the checkpoints of a pre-training run; only the first process writes files.

    Attributes:
        settings: settings of the run.
        data: training clips.
        folder: folder of the run.
        processes: the processes that train together.
        steps: number of steps of the whole run.
        writer: writer of the checkpoints, with the content keys of the training clips.
    """

    settings: PretrainSettings
    data: TrainingData
    folder: RunFolder
    processes: Processes
    steps: int
    writer: CheckpointWriter = field(init=False)

    def __post_init__(self) -> None:
        seen = {TRAINED_ON: torch.from_numpy(content_keys(self.data.clips))}
        self.writer = CheckpointWriter(self.folder.last, self.settings.save_minutes, seen)

    def due(self) -> bool:
        """Return whether a checkpoint is due within the epoch; always False except in the first process."""
        return self.processes.first and self.writer.due_within_epoch()

    def save(
        self, step: int, model: MASA, optimizer: torch.optim.Optimizer, sums: Tensor, *, stopping: bool
    ) -> None:
        """Write `last` within an epoch; while training goes on, by a thread.

        Args:
            step: number of steps made so far.
            model: model to save; it is not changed.
            optimizer: optimizer to save; it is not changed.
            sums: (processes, measures) sums of the measurements over the current epoch.
            stopping: whether training stops after this step.
        """
        if self.processes.first:
            header = self._header(step)
            with self._fitting_statistics(model) as running:
                self.writer.write_last(
                    header, model, optimizer, running, {"sums": sums}, in_thread=not stopping
                )

    def save_after_epoch(
        self,
        step: int,
        model: MASA,
        optimizer: torch.optim.Optimizer,
        sums: Tensor,
        record: dict[str, float],
        *,
        stopping: bool,
    ) -> None:
        """Write the checkpoints that are due at the end of an epoch: a kept one, `last`, both or none.

        Args:
            step: number of steps made so far.
            model: model to save; it is not changed.
            optimizer: optimizer to save; it is not changed.
            sums: (processes, measures) sums for the next epoch, which are zeros.
            record: measurements of the epoch.
            stopping: whether training stops after this epoch.
        """
        if not self.processes.first:
            return
        kept = self._kept(step)
        if stopping or kept is not None or self.writer.due_after_epoch():
            header = self._header(step, record)
            with self._fitting_statistics(model) as running:
                if kept is not None:  # before `last`: a run that is killed between the two writes both again
                    self.writer.write(kept, header, model)
                self.writer.write_last(header, model, optimizer, running, {"sums": sums})

    def keep_missing(self, header: CheckpointHeader, model: MASA) -> None:
        """Write the kept checkpoint for the step of `last`, if it is due and missing.

        Args:
            header: header of `last`.
            model: model as it is saved in `last`.
        """
        kept = self._kept(header.step)
        if self.processes.first and kept is not None and not kept.exists():
            self.writer.write(kept, header, model)

    def _kept(self, step: int) -> Path | None:
        """Return the path of the kept checkpoint of a step; None if this step is not kept."""
        epochs, rest = divmod(step * self.settings.epochs, self.steps)
        if rest or (epochs % self.settings.save_every and epochs != self.settings.epochs):
            return None
        return self.folder.checkpoints / f"epoch-{epochs:04}.safetensors"

    def _fitting_statistics(self, model: MASA) -> AbstractContextManager[dict[str, Tensor]]:
        """Calibrate the encoder within a `with` block, which receives the running statistics."""
        encoder = model.query.encoder
        see = showing(encoder, self.settings.inputs, self.processes.device)
        return calibrated(model, see, self.data.clips, part=encoder)

    def _header(self, step: int, metrics: dict[str, float] | None = None) -> CheckpointHeader:
        files = self.data.clips.files
        return CheckpointHeader(
            kind="pretraining",
            step=step,
            steps=self.steps,
            settings=self.settings.model_dump(mode="json"),
            estimator=self.data.clips.estimator,
            fingerprints=tuple(tracks.fingerprint for tracks in files),
            metrics=metrics or {},
        )

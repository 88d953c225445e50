"""When pre-training writes checkpoints, and what it says in them."""

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
    """Writes the checkpoints of a run; in all processes but the first it writes nothing.

    Attributes:
        settings: of the run.
        data: the clips.
        folder: of the run.
        processes: who trains together.
        steps: of the whole run.
        writer: holds the keys of the clips that are trained on, by which they are known again.
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
        """Whether it is time for a checkpoint within the epoch; only the first process says so."""
        return self.processes.first and self.writer.due_within_epoch()

    def save(self, step: int, model: MASA, optimizer: torch.optim.Optimizer, sums: Tensor) -> None:
        """Write `last`, within an epoch.

        Args:
            step: steps made.
            model: to be saved; it stays as it is.
            optimizer: likewise.
            sums: (processes, measures) sums over the epoch under way.
        """
        if self.processes.first:
            with self._fitting_statistics(model) as running:
                self.writer.write_last(self._header(step), model, optimizer, running, {"sums": sums})

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
        """Write what an epoch's end asks for: one that is kept, `last`, both or none.

        Args:
            step: steps made.
            model: to be saved; it stays as it is.
            optimizer: likewise.
            sums: as for save; of the next epoch, so zeros.
            record: what was measured.
            stopping: whether the run ends here.
        """
        if not self.processes.first:
            return
        kept = self._kept(step)
        if stopping or kept is not None or self.writer.due_after_epoch():
            header = self._header(step, record)
            with self._fitting_statistics(model) as running:
                if kept is not None:  # before the last one: who is killed in between goes on from before both
                    self.writer.write(kept, header, model)
                self.writer.write_last(header, model, optimizer, running, {"sums": sums})

    def keep_missing(self, header: CheckpointHeader, model: MASA) -> None:
        """Write the one to be kept of the step that `last` is of, where it is not there.

        Args:
            header: of `last`.
            model: as it is saved there.
        """
        kept = self._kept(header.step)
        if self.processes.first and kept is not None and not kept.exists():
            self.writer.write(kept, header, model)

    def _kept(self, step: int) -> Path | None:
        """Where the checkpoint of a step is kept; None if it is not."""
        epochs, rest = divmod(step * self.settings.epochs, self.steps)
        if rest or (epochs % self.settings.save_every and epochs != self.settings.epochs):
            return None
        return self.folder.checkpoints / f"epoch-{epochs:04}.safetensors"

    def _fitting_statistics(self, model: MASA) -> AbstractContextManager[dict[str, Tensor]]:
        """Within, the encoder's statistics fit its weights; gives the running ones."""
        encoder = model.query.encoder
        see = showing(encoder, self.settings.inputs)
        return calibrated(model, see, self.data.clips, self.processes.device, part=encoder)

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

"""The saved state of a fine-tuning run: its progress, its best epoch and its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from masa_model.inputs.labeled import FinetuneData
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import PRETRAINED_ON, TRAINED_ON, CheckpointHeader
from masa_model.training.checkpoint_writer import CheckpointWriter
from masa_model.training.content import content_keys
from masa_model.training.run_folder import BEST, RunFolder

# Measurements that are averaged over an epoch and recorded.
SUMS: Final = ("loss", "accuracy")


@dataclass(slots=True)
class Chosen:
    """The best epoch on val: the highest accuracy; of equal ones, the lowest loss.

    Attributes:
        accuracy: its accuracy on val, 0..1.
        loss: its mean loss on val.
        epoch: its number, from 0; −1 = no epoch yet.
    """

    accuracy: float = -1.0
    loss: float = np.inf
    epoch: float = -1.0

    def improve(self, accuracy: float, loss: float, epoch: int) -> bool:
        """Compare an epoch with the best one so far, and keep it if it is better.

        Args:
            accuracy: accuracy of the epoch on val, 0..1.
            loss: mean loss of the epoch on val.
            epoch: number of the epoch, from 0.

        Returns:
            whether the epoch is better.
        """
        if (accuracy, -loss) <= (self.accuracy, -self.loss):
            return False
        self.accuracy, self.loss, self.epoch = accuracy, loss, epoch
        return True

    def tensor(self) -> Tensor:
        """Return the tensor that a checkpoint stores."""
        return torch.tensor([self.accuracy, self.loss, self.epoch], dtype=torch.float64)


@dataclass(slots=True)
class State:
    """The state of the training loop.

    Attributes:
        step: number of steps made so far.
        sums: sums of SUMS over the current epoch.
        chosen: best epoch so far.
    """

    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(len(SUMS)))
    chosen: Chosen = field(default_factory=Chosen)


@dataclass(slots=True)
class FinetuneSaver:
    """Saves the checkpoints of a fine-tuning run.

    Attributes:
        settings: settings of the run.
        data: training and validation clips with their classes.
        folder: folder of the run.
        steps: number of steps of the whole run.
        pretrained_on: (n, 2) content keys of the clips used in pre-training; None = not known.
        writer: writer of the checkpoints, with the content keys of all clips used in training.
    """

    settings: FinetuneSettings
    data: FinetuneData
    folder: RunFolder
    steps: int
    pretrained_on: Tensor | None
    writer: CheckpointWriter = field(init=False)

    def __post_init__(self) -> None:
        seen = {TRAINED_ON: torch.from_numpy(content_keys(self.data.train.clips))}
        if self.pretrained_on is not None:
            seen[PRETRAINED_ON] = self.pretrained_on
        self.writer = CheckpointWriter(self.folder.last, self.settings.save_minutes, seen)

    def save_best(self, state: State, model: nn.Module, record: dict[str, float], temperature: float) -> None:
        """Write the checkpoint of the best epoch on val.

        Args:
            state: state of the training loop.
            model: model with calibrated batch normalization statistics.
            record: measurements of the epoch.
            temperature: temperature fitted on val.
        """
        header = self._header(state, record, temperature)
        self.writer.write(self.folder.checkpoints / BEST, header, model, _progress(state))

    def save(
        self,
        state: State,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        running: dict[str, Tensor],
        *,
        stopping: bool,
    ) -> None:
        """Write the checkpoint from which the run can resume, within an epoch; by a thread unless it stops.

        Args:
            state: state of the training loop.
            model: model with calibrated batch normalization statistics.
            optimizer: optimizer to save.
            running: running statistics for resuming training.
            stopping: whether training stops after this step.
        """
        header = self._header(state, {}, 1.0)
        self.writer.write_last(header, model, optimizer, running, _progress(state), in_thread=not stopping)

    def save_after_epoch(
        self,
        state: State,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        running: dict[str, Tensor],
        record: dict[str, float],
        temperature: float,
    ) -> None:
        """Write the checkpoint from which the run can resume, at the end of an epoch.

        Args:
            state: state of the training loop.
            model: model with calibrated batch normalization statistics.
            optimizer: optimizer to save.
            running: running statistics for resuming training.
            record: measurements of the epoch.
            temperature: temperature fitted on val; 1 if it was not fitted.
        """
        header = self._header(state, record, temperature)
        self.writer.write_last(header, model, optimizer, running, _progress(state))

    def _header(self, state: State, record: dict[str, float], temperature: float) -> CheckpointHeader:
        files = self.data.train.clips.files
        return CheckpointHeader(
            kind="recogniser",
            step=state.step,
            steps=self.steps,
            settings=self.settings.model_dump(mode="json"),
            estimator=self.data.train.clips.estimator,
            sampling=files[0].provenance.sampling,
            fingerprints=tuple(tracks.fingerprint for tracks in files),
            labels=self.data.classes.glosses,
            classes=self.data.classes.pairs,
            temperature=temperature,
            metrics=record,
        )


def _progress(state: State) -> dict[str, Tensor]:
    return {"sums": state.sums, "chosen": state.chosen.tensor()}

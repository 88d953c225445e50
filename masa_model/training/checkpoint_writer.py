"""Write a run's checkpoints, and decide when the next one is due, for both kinds of training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from masa_model.training.checkpoint import RUNNING, CheckpointHeader, save_checkpoint

# Minimum time between two checkpoints at ends of epochs, which can be short. Within an epoch, the setting
# `save_minutes` applies.
_SECONDS_BETWEEN_EPOCHS_SAVED: Final = 60.0


@dataclass(slots=True)
class CheckpointWriter:
    """Writer of a run's checkpoints.

    Attributes:
        last: path of the checkpoint from which the run can resume.
        save_minutes: time in minutes between two checkpoints within an epoch.
        always: tensors that every checkpoint contains, such as the content keys of the training clips.
        saved: time at which `last` was written or the run was started, from time.monotonic.
    """

    last: Path
    save_minutes: float
    always: Mapping[str, Tensor]
    saved: float = field(default_factory=time.monotonic)

    def due_within_epoch(self) -> bool:
        """Return whether a checkpoint is due within an epoch."""
        return self._seconds() >= 60 * self.save_minutes

    def due_after_epoch(self) -> bool:
        """Return whether a checkpoint is due at the end of an epoch."""
        return self._seconds() > _SECONDS_BETWEEN_EPOCHS_SAVED

    def write(
        self,
        path: Path,
        header: CheckpointHeader,
        model: nn.Module,
        progress: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Write a checkpoint that can be used, but not resumed from.

        Args:
            path: path of the file.
            header: header of the checkpoint.
            model: model to save.
            progress: other tensors to save.
        """
        save_checkpoint(path, header, model, progress={**(progress or {}), **self.always})

    def write_last(
        self,
        header: CheckpointHeader,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        running: Mapping[str, Tensor],
        progress: Mapping[str, Tensor],
    ) -> None:
        """Write the checkpoint from which the run can resume.

        Args:
            header: header of the checkpoint.
            model: model to save, with calibrated batch normalization statistics.
            optimizer: optimizer to save.
            running: running statistics for resuming training.
            progress: other tensors to save, such as the sums of the current epoch.
        """
        statistics = {RUNNING + name: value for name, value in running.items()}
        save_checkpoint(self.last, header, model, optimizer, {**progress, **self.always, **statistics})
        self.saved = time.monotonic()

    def _seconds(self) -> float:
        return time.monotonic() - self.saved

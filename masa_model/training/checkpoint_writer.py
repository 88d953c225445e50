"""Writes a run's checkpoints, and knows when the next one is due. Both kinds of training use it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from masa_model.training.checkpoint import RUNNING, CheckpointHeader, save_checkpoint

# Epochs may be short; within one, `save_minutes` counts.
_SECONDS_BETWEEN_EPOCHS_SAVED: Final = 60.0


@dataclass(slots=True)
class CheckpointWriter:
    """Writes checkpoints of a run.

    Attributes:
        last: the file to go on from.
        save_minutes: minutes within an epoch after which it is written again.
        always: tensors that every checkpoint holds, such as the keys of the clips that are trained on.
        saved: when `last` was written, or the run began, by time.monotonic.
    """

    last: Path
    save_minutes: float
    always: Mapping[str, Tensor]
    saved: float = field(default_factory=time.monotonic)

    def due_within_epoch(self) -> bool:
        """Whether it is time for a checkpoint within an epoch."""
        return self._seconds() >= 60 * self.save_minutes

    def due_after_epoch(self) -> bool:
        """Whether it is time for one at the end of an epoch."""
        return self._seconds() > _SECONDS_BETWEEN_EPOCHS_SAVED

    def write(
        self,
        path: Path,
        header: CheckpointHeader,
        model: nn.Module,
        progress: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Write a checkpoint that can be used, but from which no training goes on.

        Args:
            path: of the file.
            header: what it says about itself.
            model: to be saved.
            progress: further tensors.
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
        """Write the checkpoint from which training goes on.

        Args:
            header: what it says about itself.
            model: to be saved, with statistics that fit its weights.
            optimizer: likewise.
            running: the running statistics, with which training goes on.
            progress: further tensors: the sums of the epoch under way.
        """
        statistics = {RUNNING + name: value for name, value in running.items()}
        save_checkpoint(self.last, header, model, optimizer, {**progress, **self.always, **statistics})
        self.saved = time.monotonic()

    def _seconds(self) -> float:
        return time.monotonic() - self.saved

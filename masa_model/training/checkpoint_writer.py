"""Write a run's checkpoints, and decide when the next one is due, for both kinds of training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from masa_model.training.checkpoint import RUNNING, CheckpointHeader
from masa_model.training.saving import save_checkpoint, tensors_of, write_checkpoint

# Minimum time between two checkpoints at ends of epochs, which can be short. Within an epoch, the setting
# `save_minutes` applies.
_SECONDS_BETWEEN_EPOCHS_SAVED: Final = 60.0


@dataclass(slots=True)
class CheckpointWriter:
    """Writer of a run's checkpoints.

    Within an epoch, training goes on while a thread writes: a large network takes seconds. All other
    checkpoints are complete when the call returns.

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
    _pending: Future[None] | None = None

    def due_within_epoch(self) -> bool:
        """Return whether a checkpoint is due within an epoch.

        Raises:
            OSError: if the thread could not write the previous one.
        """
        if self._pending is not None and self._pending.done():
            self._finish()
        return self._pending is None and self._seconds() >= 60 * self.save_minutes

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
        self._finish()
        save_checkpoint(path, header, model, progress={**(progress or {}), **self.always})

    def write_last(
        self,
        header: CheckpointHeader,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        running: Mapping[str, Tensor],
        progress: Mapping[str, Tensor],
        *,
        in_thread: bool = False,
    ) -> None:
        """Write the checkpoint from which the run can resume.

        Args:
            header: header of the checkpoint.
            model: model to save, with calibrated batch normalization statistics.
            optimizer: optimizer to save.
            running: running statistics for resuming training.
            progress: other tensors to save, such as the sums of the current epoch.
            in_thread: whether a thread writes the file, from a copy of everything.

        Raises:
            OSError: if this or the previous checkpoint cannot be written.
        """
        self._finish()
        statistics = {RUNNING + name: value for name, value in running.items()}
        others = {**progress, **self.always, **statistics}
        tensors = tensors_of(model, optimizer, others, copied=in_thread)
        if in_thread:
            thread = ThreadPoolExecutor(1)
            self._pending = thread.submit(write_checkpoint, self.last, header, tensors)
            thread.shutdown(wait=False)  # it ends by itself; a process that ends waits for it
        else:
            write_checkpoint(self.last, header, tensors)
        self.saved = time.monotonic()

    def _finish(self) -> None:
        """Wait for the thread, if one is writing."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _seconds(self) -> float:
        return time.monotonic() - self.saved

"""What a run of fine-tuning keeps: where it is, which epoch was best, and its checkpoints."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from masa_model.inputs.labelled import FinetuneData
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import (
    PRETRAINED_ON,
    RUNNING,
    TRAINED_ON,
    CheckpointHeader,
    save_checkpoint,
)
from masa_model.training.content import content_keys
from masa_model.training.run_folder import RunFolder

# What is averaged over an epoch and recorded.
SUMS: Final = ("loss", "accuracy")
# Epochs may be short; within one, `save_minutes` counts.
_SECONDS_BETWEEN_EPOCHS_SAVED: Final = 60.0


@dataclass(slots=True)
class Chosen:
    """The best epoch by val: the highest accuracy, of equals the lower loss."""

    accuracy: float = -1.0
    loss: float = np.inf
    epoch: float = -1.0

    def improve(self, accuracy: float, loss: float, epoch: int) -> bool:
        """Whether an epoch is better than the best so far; then it takes its place."""
        if (accuracy, -loss) <= (self.accuracy, -self.loss):
            return False
        self.accuracy, self.loss, self.epoch = accuracy, loss, epoch
        return True

    def tensor(self) -> Tensor:
        """As a checkpoint holds it."""
        return torch.tensor([self.accuracy, self.loss, self.epoch], dtype=torch.float64)


@dataclass(slots=True)
class State:
    """Where the loop is."""

    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(len(SUMS)))
    chosen: Chosen = field(default_factory=Chosen)


@dataclass(slots=True)
class FinetuneSaver:
    """Writes checkpoints that say all that is needed to use them.

    Attributes:
        settings: of the run.
        data: the clips.
        folder: of the run.
        steps: of the whole run.
        pretrained_on: (n, 2) content keys of the clips that pre-training saw; None = not known.
        saved: when the last checkpoint to go on from was written, or the run began.
        trained_on: (n, 2) content keys of the clips that are learned from.
    """

    settings: FinetuneSettings
    data: FinetuneData
    folder: RunFolder
    steps: int
    pretrained_on: Tensor | None
    saved: float = field(default_factory=time.monotonic)
    trained_on: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.trained_on = torch.from_numpy(content_keys(self.data.train.clips))

    def due_after_epoch(self) -> bool:
        """Whether it is time for one at the end of an epoch."""
        return time.monotonic() - self.saved > _SECONDS_BETWEEN_EPOCHS_SAVED

    def due_within_epoch(self) -> bool:
        """Whether it is time for one within an epoch."""
        return time.monotonic() - self.saved >= 60 * self.settings.save_minutes

    def save(
        self,
        path: Path,
        state: State,
        model: nn.Module,
        record: dict[str, float] | None = None,
        temperature: float = 1.0,
        resumable: tuple[torch.optim.Optimizer, dict[str, Tensor]] | None = None,
    ) -> None:
        """Write one, with the optimiser and the running statistics if a run may go on from it."""
        files = self.data.train.clips.files
        header = CheckpointHeader(
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
            metrics=record or {},
        )
        progress = {"sums": state.sums, "chosen": state.chosen.tensor(), TRAINED_ON: self.trained_on}
        if self.pretrained_on is not None:
            progress[PRETRAINED_ON] = self.pretrained_on
        optimiser = None
        if resumable is not None:
            optimiser, running = resumable
            progress |= {RUNNING + name: value for name, value in running.items()}
            self.saved = time.monotonic()
        save_checkpoint(path, header, model, optimiser, progress)

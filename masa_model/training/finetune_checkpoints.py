"""What a run of fine-tuning keeps: where it is, which epoch was best, and its checkpoints."""

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

# What is averaged over an epoch and recorded.
SUMS: Final = ("loss", "accuracy")


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
        writer: holds them, and the keys of the clips that are learned from.
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
        """Write the best epoch by val.

        Args:
            state: where the loop is.
            model: with statistics that fit its weights.
            record: what was measured.
            temperature: that fits val.
        """
        header = self._header(state, record, temperature)
        self.writer.write(self.folder.checkpoints / BEST, header, model, _progress(state))

    def save_last(
        self,
        state: State,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        running: dict[str, Tensor],
        record: dict[str, float] | None = None,
        temperature: float = 1.0,
    ) -> None:
        """Write the checkpoint to go on from; see save_best and CheckpointWriter.write_last."""
        header = self._header(state, record or {}, temperature)
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

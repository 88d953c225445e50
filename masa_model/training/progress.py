"""Progress reports and errors of a training loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from masa_data.errors import DataError

# To read a loss, the host waits until the device has computed it. So losses are read only now and then.
STEPS_BETWEEN_CHECKS: Final = 50
# Name of the time in a profile in which the loop waits for the next batch.
WAITING: Final = "waiting for the next batch"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run, for display.

    Attributes:
        step: number of steps made so far.
        steps: number of steps of the whole run.
        epoch: number of the current epoch, from 0.
        record: line of metrics.jsonl for the epoch that has just ended; None within an epoch.
    """

    step: int
    steps: int
    epoch: int
    record: dict[str, float] | None = None


class NonFiniteLossError(DataError):
    """Raised when a loss is infinite or NaN."""


def explaining_memory(training: Iterator[Progress], clips: int, advice: str) -> Iterator[Progress]:
    """Run a training loop, and say in one line if a step does not fit into the memory of a GPU.

    Args:
        training: the loop.
        clips: number of clips of a step.
        advice: what to do about it.

    Yields:
        the progress after each step.

    Raises:
        DataError: if a step does not fit.
    """
    try:
        yield from training
    except torch.OutOfMemoryError as error:
        reason = str(error).split(". ")[0]
        raise DataError(f"a step of {clips} clips does not fit into memory ({reason})", advice) from None


class LossWatch:
    """Finds the first step whose loss is not finite. It stays on the device until the host asks for it.

    Args:
        device: device of the losses.
        losses: number of losses to remember of that step.
    """

    def __init__(self, device: torch.device, losses: int) -> None:
        self._found = torch.full((1 + losses,), -1.0, device=device)

    def see(self, step: int, *losses: Float[Tensor, ""]) -> None:
        """Look at the losses of a step.

        Args:
            step: number of the step, from 0.
            losses: the losses; one of them that is not finite makes the step count.
        """
        seen = torch.stack([torch.full_like(losses[0], step, dtype=torch.float32), *losses]).detach()
        new = (self._found[0] < 0) & ~seen.isfinite().all()
        self._found = torch.where(new, seen, self._found)

    def found(self) -> tuple[int, list[float]] | None:
        """Return number and losses of the first step whose loss was not finite; None if there is none."""
        step, *losses = self._found.tolist()
        return None if step < 0 else (int(step), losses)

"""Progress reports and errors of a training loop."""

from __future__ import annotations

from dataclasses import dataclass

from masa_data.errors import DataError


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

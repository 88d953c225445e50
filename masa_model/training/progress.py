"""What a training loop tells whoever runs it: where it is, and that it cannot go on."""

from __future__ import annotations

from dataclasses import dataclass

from masa_data.errors import DataError


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, for whoever shows it.

    Attributes:
        step: steps made.
        steps: of the whole run.
        epoch: the one under way, from 0.
        record: the line of metrics.jsonl, where an epoch has just ended.
    """

    step: int
    steps: int
    epoch: int
    record: dict[str, float] | None = None


class NonFiniteLossError(DataError):
    """A loss became infinite or NaN."""

"""Going on with a run: what of its last checkpoint is checked, and given to model and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_model.network.calibration import restore_statistics
from masa_model.training.checkpoint import Checkpoint
from masa_model.training.checkpoint_parts import load_model, load_optimizer, load_statistics, settings_of

# They change nothing about what a run learns. A run may be lengthened; its number of steps is checked apart.
_FREE: Final = frozenset({"epochs", "save_every", "save_minutes", "probe_every", "data.storage"})


def restore_run(
    checkpoint: Checkpoint,
    settings: BaseModel,
    steps: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    as_saved: Callable[[], None] = lambda: None,
) -> None:
    """Give model and optimizer what they had when a checkpoint was saved.

    Args:
        checkpoint: the run's last one.
        settings: of the run as it goes on.
        steps: of the whole run as it goes on.
        model: of the same structure.
        optimizer: over the same parameters.
        as_saved: called while the model has the statistics that were measured for its weights, before those
            with which training goes on take their place.

    Raises:
        DataError: if the checkpoint is of another run, or damaged.
    """
    before = settings_of(checkpoint.path, checkpoint.header, type(settings))
    _check_steps(checkpoint, before.epochs, settings.epochs, steps)  # type: ignore[attr-defined]
    load_model(checkpoint, model)
    _check_same(checkpoint, before, settings)
    as_saved()
    restore_statistics(model, load_statistics(checkpoint, model))
    entries = [
        {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
    ]
    load_optimizer(checkpoint, optimizer)
    for group, said in zip(optimizer.param_groups, entries, strict=True):
        group.update(said)


def _check_steps(checkpoint: Checkpoint, epochs_before: int, epochs: int, steps: int) -> None:
    """As many steps an epoch as before, and no fewer epochs."""
    found = checkpoint.header.steps
    if epochs < epochs_before or found * epochs != steps * epochs_before:
        raise DataError(
            f"{checkpoint.path} is of a run of {counted(found, 'step')}, this one has {steps:,}",
            "Resume with the same clips, batch size and number of processes",
        )


def _check_same(checkpoint: Checkpoint, before: BaseModel, now: BaseModel) -> None:
    said = dict(_flat(before.model_dump(mode="json")))
    for name, value in _flat(now.model_dump(mode="json")):
        if name not in _FREE and said.get(name) != value:
            raise DataError(
                f"the setting {name} is {value!r}, but {checkpoint.path} was written with {said.get(name)!r}",
                "Put back the settings.toml of the run, or begin another run",
            )


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def sums_of(checkpoint: Checkpoint, measures: int, rank: int, count: int) -> Tensor:
    """(measures,) this process's sums over the epoch under way.

    Args:
        checkpoint: the run's last one.
        measures: how many there are.
        rank: of this process.
        count: of the processes.

    Raises:
        DataError: if they are missing, or of another number of processes.
    """
    found = checkpoint.progress.get("sums")
    if found is not None and found.dtype == torch.float32:
        if found.shape == (measures,):  # version 2: those of the first process
            return found
        if found.shape == (count, measures):
            return found[rank]
    raise DataError(
        f"{checkpoint.path} lacks the sums of {counted(count, 'process', 'processes')}",
        "Resume with as many processes as before, or use another checkpoint",
    )

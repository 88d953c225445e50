"""Resume a run: check its last checkpoint, and load it into model and optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_model.network.calibration import restore_statistics
from masa_model.training.batch_size import counts_by_process
from masa_model.training.checkpoint import Checkpoint
from masa_model.training.checkpoint_parts import load_model, load_optimizer, load_statistics, settings_of

# Settings that may differ when a run is resumed, because they do not change what it learns. A run can be made
# longer; its number of steps is checked separately.
_FREE: Final = frozenset({"epochs", "save_every", "save_minutes", "probe_every", "data.storage", "recompute"})


def restore_run(
    checkpoint: Checkpoint,
    settings: BaseModel,
    steps: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    as_saved: Callable[[], None] = lambda: None,
) -> None:
    """Restore model and optimizer from a checkpoint.

    Args:
        checkpoint: last checkpoint of the run.
        settings: settings of the resumed run.
        steps: number of steps of the whole resumed run.
        model: model of the same structure.
        optimizer: optimizer of the same parameters.
        as_saved: called while the model has its calibrated batch normalization statistics, before the running
            statistics for training replace them.

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
    """Check that the number of steps of an epoch is unchanged, and that there are not fewer epochs."""
    found = checkpoint.header.steps
    if epochs < epochs_before or found * epochs != steps * epochs_before:
        raise DataError(
            f"{checkpoint.path} is of a run of {counted(found, 'step')}, this one has {steps:,}",
            "Resume with the same clips, batch size and number of processes",
        )


def _check_same(checkpoint: Checkpoint, before: BaseModel, now: BaseModel) -> None:
    said = dict(_flat(before.model_dump(mode="json")))
    free = _FREE | {"batch_size"} if counts_by_process(before) else _FREE  # the steps are checked separately
    for name, value in _flat(now.model_dump(mode="json")):
        if name not in free and said.get(name) != value:
            raise DataError(
                f"the setting {name} is {value!r}, but {checkpoint.path} was written with {said.get(name)!r}",
                "Restore the settings.toml of the run, or start a new run",
            )


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def sums_of(checkpoint: Checkpoint, measures: int, rank: int, count: int) -> Tensor:
    """Return this process's sums of measurements over the current epoch.

    Args:
        checkpoint: last checkpoint of the run.
        measures: number of measurements.
        rank: number of this process, from 0.
        count: number of processes.

    Returns:
        (measures,) sums.

    Raises:
        DataError: if the sums are missing, or are of another number of processes.
    """
    found = checkpoint.progress.get("sums")
    if found is not None and found.dtype == torch.float32:
        if found.shape == (measures,):  # version 2 has only the sums of the first process
            return found
        if found.shape == (count, measures):
            return found[rank]
    raise DataError(
        f"{checkpoint.path} has no valid sums of {counted(count, 'process', 'processes')}",
        "Resume with the same number of processes as before, or use another checkpoint",
    )

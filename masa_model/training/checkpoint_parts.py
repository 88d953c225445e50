"""Parts of a checkpoint, checked before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_model.settings.resolve import in_words
from masa_model.training.checkpoint import Checkpoint, CheckpointHeader
from masa_model.training.checkpoint_checks import check_tensors, no_numbers, unreadable

_STATISTICS: Final = ("running_mean", "running_var", "num_batches_tracked")

Settings = TypeVar("Settings", bound=BaseModel)


def settings_of(checkpoint: Path, header: CheckpointHeader, kind: type[Settings]) -> Settings:
    """The settings of the run that wrote a checkpoint.

    Raises:
        DataError: if they are none.
    """
    try:
        return kind.model_validate(header.settings)
    except ValidationError as error:
        raise unreadable(checkpoint, in_words(error, kind).reason) from None


def require_size(checkpoint: Checkpoint, weights: int) -> None:
    """Check that a checkpoint is large enough for the network of its settings, before it is built.

    Args:
        checkpoint: to be loaded.
        weights: fewer than the network has.

    Raises:
        DataError: if it is not.
    """
    found = sum(value.numel() for value in checkpoint.model.values())
    if found < weights:
        raise unreadable(
            checkpoint.path,
            f"it holds {counted(found, 'weight')}, its settings speak of {weights:,} at least",
        )


def tensor_of(checkpoint: Checkpoint, name: str, like: Tensor) -> Tensor:
    """A tensor of a checkpoint's `progress`.

    Args:
        checkpoint: where from.
        name: of the tensor.
        like: what has its shape and its type; a length of 0 stands for any.

    Raises:
        DataError: if it is missing, or of another shape or type.
    """
    found = checkpoint.progress.get(name)
    fits = found is not None and found.dtype == like.dtype and found.ndim == like.ndim
    if (
        found is None
        or not fits
        or any(b not in (0, a) for a, b in zip(found.shape, like.shape, strict=True))
    ):
        raise DataError(
            f"{checkpoint.path} lacks the run's {name}, or has it in another form", "Use another checkpoint"
        )
    return found


def load_statistics(checkpoint: Checkpoint, model: nn.Module) -> dict[str, Tensor]:
    """The running statistics with which training goes on, checked against the model's buffers.

    Raises:
        DataError: if they are of another network, or no statistics.
    """
    found, buffers = checkpoint.running_statistics, dict(model.named_buffers())
    if checkpoint.header.version > 1:
        expected = {name: value for name, value in buffers.items() if name.rpartition(".")[2] in _STATISTICS}
        check_tensors(checkpoint.path, found, expected)
    return found


def load_model(checkpoint: Checkpoint, model: nn.Module, prefix: str = "") -> None:
    """Give a model its weights.

    Args:
        checkpoint: where from.
        model: of the same structure.
        prefix: of the names in the checkpoint, if the model is a part of what was saved.

    Raises:
        DataError: if the checkpoint is of another structure, or holds what is no number.
    """
    state = {
        name.removeprefix(prefix): value
        for name, value in checkpoint.model.items()
        if name.startswith(prefix)
    }
    expected = model.state_dict()
    check_tensors(checkpoint.path, state, expected)
    model.load_state_dict(state)


def load_optimizer(checkpoint: Checkpoint, optimizer: torch.optim.Optimizer) -> None:
    """Give an optimizer its state.

    Raises:
        DataError: if the checkpoint was saved without one, or for other parameters.
    """
    groups = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    places = {str(number): number for number in range(len(parameters))}
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in checkpoint.optimizer.items():
        place, _, key = name.partition(".")
        number = places.get(place)
        fits = number is not None and value.shape in ((), parameters[number].shape)  # step counts have none
        if number is None or not fits or value.dtype != torch.float32:
            raise DataError(
                f"{checkpoint.path} was saved for other parameters", "Resume from last.safetensors"
            )
        if not torch.isfinite(value).all():
            raise no_numbers(checkpoint.path, f"the optimizer's {key}")
        state.setdefault(number, {})[key] = value
    names = {name for values in state.values() for name in values}
    if any(values.keys() != names for values in state.values()):
        raise DataError(f"{checkpoint.path} was saved for other parameters", "Resume from last.safetensors")
    optimizer.load_state_dict({"state": state, "param_groups": groups})

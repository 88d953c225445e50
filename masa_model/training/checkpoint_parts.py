"""Load the parts of a checkpoint; each is checked before it is used."""

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
    """Return the settings of the run that wrote a checkpoint.

    Args:
        checkpoint: path of the checkpoint, for the message.
        header: header of the checkpoint.
        kind: class of the settings.

    Raises:
        DataError: if the settings are not valid.
    """
    try:
        return kind.model_validate(header.settings)
    except ValidationError as error:
        raise unreadable(checkpoint, in_words(error, kind).reason) from None


def require_size(checkpoint: Checkpoint, weights: int) -> None:
    """Check that a checkpoint is large enough for the network of its settings, before the network is built.

    Args:
        checkpoint: the checkpoint.
        weights: minimum number of weights of the network.

    Raises:
        DataError: if the checkpoint has fewer weights.
    """
    found = sum(value.numel() for value in checkpoint.model.values())
    if found < weights:
        raise unreadable(
            checkpoint.path,
            f"it contains {counted(found, 'weight')}, its settings require at least {weights:,}",
        )


def tensor_of(checkpoint: Checkpoint, name: str, like: Tensor) -> Tensor:
    """Return a tensor of a checkpoint's `progress`.

    Args:
        checkpoint: the checkpoint.
        name: name of the tensor.
        like: tensor with the expected shape and type; a dimension of length 0 accepts any length.

    Raises:
        DataError: if the tensor is missing, or has another shape or type.
    """
    found = checkpoint.progress.get(name)
    fits = found is not None and found.dtype == like.dtype and found.ndim == like.ndim
    if (
        found is None
        or not fits
        or any(b not in (0, a) for a, b in zip(found.shape, like.shape, strict=True))
    ):
        raise DataError(f"{checkpoint.path} has no valid tensor {name} of the run", "Use another checkpoint")
    return found


def load_statistics(checkpoint: Checkpoint, model: nn.Module) -> dict[str, Tensor]:
    """Return the running statistics for resuming training, checked against the model's buffers.

    Args:
        checkpoint: the checkpoint.
        model: model of the same structure.

    Raises:
        DataError: if the statistics are invalid, or do not match the model.
    """
    found, buffers = checkpoint.running_statistics, dict(model.named_buffers())
    if checkpoint.header.version > 1:
        expected = {name: value for name, value in buffers.items() if name.rpartition(".")[2] in _STATISTICS}
        check_tensors(checkpoint.path, found, expected)
    return found


def load_model(checkpoint: Checkpoint, model: nn.Module, prefix: str = "") -> None:
    """Load the weights of a checkpoint into a model.

    Args:
        checkpoint: the checkpoint.
        model: model of the same structure.
        prefix: prefix of the names in the checkpoint, if the model is a part of the saved model.

    Raises:
        DataError: if the structure differs, or the checkpoint contains invalid numbers.
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
    """Load the state of a checkpoint into an optimizer.

    Args:
        checkpoint: the checkpoint.
        optimizer: optimizer of the same parameters.

    Raises:
        DataError: if the checkpoint was saved for other parameters, or contains invalid numbers.
    """
    groups = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    places = {str(number): number for number in range(len(parameters))}
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in checkpoint.optimizer.items():
        place, _, key = name.partition(".")
        number = places.get(place)
        fits = number is not None and value.shape in ((), parameters[number].shape)  # step counts are scalars
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

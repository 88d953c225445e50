"""Write a checkpoint, all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from masa_data.disk.new_files import write_whole
from masa_model.training.checkpoint import HEADER, MODEL, OPTIMIZER, PROGRESS, CheckpointHeader
from masa_model.training.checkpoint_checks import crc32_of, crc32_of_text


def save_checkpoint(
    path: Path,
    header: CheckpointHeader,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    progress: dict[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint, either completely or not at all.

    Args:
        path: path of the file.
        header: header of the checkpoint.
        model: model to save.
        optimizer: optimizer to save; None = none.
        progress: other tensors to save.

    Raises:
        OSError: if the file cannot be written, for example because the disk is full; an existing file is then
            unchanged.
    """
    write_checkpoint(path, header, tensors_of(model, optimizer, progress))


def tensors_of(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    progress: dict[str, Tensor] | None = None,
    *,
    copied: bool = False,
) -> dict[str, Tensor]:
    """Collect the tensors of a checkpoint in main memory.

    Args:
        model: model to save.
        optimizer: optimizer to save; None = none.
        progress: other tensors to save.
        copied: whether to copy tensors that are in main memory already, so that later steps do not change
            them.

    Returns:
        the tensors by their name in the file.
    """
    tensors = {MODEL + name: value for name, value in model.state_dict().items()}
    if optimizer is not None:
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"{OPTIMIZER}{number}.{name}": value for name, value in state.items()}
    tensors |= {PROGRESS + name: value for name, value in (progress or {}).items()}
    return {name: value.detach().to("cpu", copy=copied).contiguous() for name, value in tensors.items()}


def write_checkpoint(path: Path, header: CheckpointHeader, tensors: dict[str, Tensor]) -> None:
    """Write the file of a checkpoint, either completely or not at all.

    Args:
        path: path of the file.
        header: header of the checkpoint.
        tensors: the tensors (`tensors_of`).

    Raises:
        OSError: if the file cannot be written; an existing file is then unchanged.
    """
    text = header.model_dump_json()
    checksums = f',"crc32":"{crc32_of_text(text):08x} {crc32_of(tensors):08x}"}}'
    write_whole(path, safetensors.torch.save(tensors, {HEADER: text[:-1] + checksums}))

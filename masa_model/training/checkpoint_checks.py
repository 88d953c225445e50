"""Checks of a checkpoint before it is used, and their error messages."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from pydantic import ValidationError
from torch import Tensor

from masa_data.errors import DataError
from masa_data.texts import counted

_LONGEST_REASON: Final = 300


def check_tensors(path: Path, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check the names, shapes, types and values of a checkpoint's tensors.

    Args:
        path: path of the checkpoint, for the message.
        found: tensors of the checkpoint, by name.
        expected: tensors with the expected names, shapes and types.

    Raises:
        DataError: if names, shapes or types differ, a value is not finite, or a variance is negative.
    """
    wrong = [
        f"{name} {_form(found[name]) if name in found else 'missing'}, expected {_form(value)}"
        for name, value in expected.items()
        if name not in found or found[name].shape != value.shape or found[name].dtype != value.dtype
    ]
    wrong += [f"{name[:100]!r} is unknown" for name in found.keys() - expected.keys()]
    if wrong:
        raise DataError(
            f"{path} contains another network ({wrong[0]}; {counted(len(wrong), 'difference')})",
            "Use the settings that it was trained with",
        )
    for name, value in found.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise no_numbers(path, name)
        if name.endswith("running_var") and (value < 0).any():
            raise no_numbers(path, name)


def _form(value: Tensor) -> str:
    shape = str(tuple(value.shape))
    return shape if value.dtype == torch.float32 else f"{shape} of {str(value.dtype).removeprefix('torch.')}"


def no_numbers(path: Path, name: str) -> DataError:
    """Return the error for values that training cannot produce."""
    return DataError(
        f"{path} contains NaN, infinite or impossible values ({name})",
        "Use another checkpoint, or train again",
    )


def unreadable(path: Path, reason: str) -> DataError:
    """Return the error for a file that is damaged or is not a checkpoint."""
    line = " ".join(reason.split())[:_LONGEST_REASON]
    return DataError(f"{path} cannot be read ({line})", "Copy it again, or use another checkpoint")


def changed(path: Path) -> DataError:
    """Return the error for a file whose checksum differs."""
    return DataError(
        f"{path} was changed after it was written: its checksum differs",
        "Copy it again, or use another checkpoint",
    )


def first_fault(error: ValidationError) -> str:
    """Return the first validation error and its location."""
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"])
    said = found["msg"].removeprefix("Value error, ")
    return f"{where[:100]}: {said}" if where else said


def crc32_of_text(text: str) -> int:
    """Compute the checksum of a text."""
    return zlib.crc32(text.encode("utf-8"))


def crc32_of(tensors: Mapping[str, Tensor]) -> int:
    """Compute the checksum of tensors: their names, types, shapes and bytes, sorted by name."""
    checksum = 0
    for name in sorted(tensors):
        value = tensors[name]
        checksum = zlib.crc32(f"{name} {value.dtype} {tuple(value.shape)}".encode(), checksum)
        checksum = zlib.crc32(value.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return checksum

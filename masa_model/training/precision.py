"""Number formats of the networks' computations: float32, or bfloat16 with autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from pydantic import BaseModel

from masa_model.settings.choices import Precision

Settings = TypeVar("Settings", bound=BaseModel)


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a context manager in which networks compute with a given precision; weights stay float32.

    Args:
        precision: "fp32", or "bf16", for which torch's autocast chooses the operations; "auto" is resolved by
            `precision_for`.
        device: device of the network.
    """
    if precision_for(precision, device) == "fp32":
        return nullcontext()
    autocast: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16)
    return autocast


def precision_for(precision: Precision, device: torch.device) -> Precision:
    """Resolve "auto" for a device: bf16 on a GPU that supports it, else fp32."""
    if precision != "auto":
        return precision
    # Older GPUs emulate bf16, which is slower than float32.
    has_bf16 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return "bf16" if has_bf16 else "fp32"


def settle_precision(settings: Settings, device: torch.device) -> Settings:
    """Resolve the precision in the settings of a run, and prepare the device for it.

    On a GPU, float32 matrix products use TF32, unless the setting is "fp32".

    Args:
        settings: settings of a run, with a `precision`.
        device: device to compute on.

    Returns:
        the settings with the resolved precision.
    """
    asked: Precision = settings.precision  # type: ignore[attr-defined]
    if device.type == "cuda":  # on a CPU it could change the last digits
        torch.set_float32_matmul_precision("highest" if asked == "fp32" else "high")
    return settings.model_copy(update={"precision": precision_for(asked, device)})

"""The arithmetic of the networks: float32, or bfloat16 where it is safe."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from pydantic import BaseModel

from masa_model.settings.choices import Precision

Settings = TypeVar("Settings", bound=BaseModel)


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Inside, a network computes so; its weights are float32 all the same.

    Args:
        precision: "bf16" leaves to torch's autocast which operations take it; "auto" as `precision_for`.
        device: where the network is.
    """
    if precision_for(precision, device) == "fp32":
        return nullcontext()
    autocast: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16)
    return autocast


def precision_for(precision: Precision, device: torch.device) -> Precision:
    """What "auto" stands for on a device: bf16 on a GPU that computes in it, else fp32."""
    if precision != "auto":
        return precision
    # What is emulated would be slower than float32.
    has_bf16 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return "bf16" if has_bf16 else "fp32"


def settle_precision(settings: Settings, device: torch.device) -> Settings:
    """The settings of a run with the precision that is taken, and the device set for it.

    float32 products take TF32 on a GPU, unless "fp32" was asked for by name.

    Args:
        settings: with a `precision`.
        device: where to compute.
    """
    asked: Precision = settings.precision  # type: ignore[attr-defined]
    if device.type == "cuda":  # on a CPU it could change the last digits
        torch.set_float32_matmul_precision("highest" if asked == "fp32" else "high")
    return settings.model_copy(update={"precision": precision_for(asked, device)})

"""The arithmetic of the networks: float32, or bfloat16 where it is safe."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from masa_model.setting_types import Precision


def arithmetic(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Inside, a network computes so; its weights are float32 all the same.

    Args:
        precision: "bf16" leaves to torch's autocast which operations take it.
        device: where the network is.
    """
    if precision == "fp32":
        return nullcontext()
    autocast: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16)
    return autocast

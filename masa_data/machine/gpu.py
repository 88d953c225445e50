"""Why a GPU is not used, in a few words for the user: nothing falls back to the CPU without saying so."""

from __future__ import annotations

import shutil
from pathlib import Path


def why_no_gpu(torch_version: str, built_for: str | None, available: bool) -> str:
    """What keeps torch from a GPU; "" if it has one.

    Args:
        torch_version: torch.__version__.
        built_for: torch.version.cuda, the CUDA it was built for; None for the CPU alone.
        available: torch.cuda.is_available().
    """
    if available:
        return ""
    if not has_nvidia_driver():
        return "no NVIDIA driver on this machine"
    if built_for is None:
        return f"there is a GPU driver, but torch {torch_version} is for the CPU"
    return f"there is a GPU driver, but torch {torch_version} for CUDA {built_for} finds no GPU"


def has_nvidia_driver() -> bool:
    """Whether this machine has NVIDIA's driver, whatever torch makes of it."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()

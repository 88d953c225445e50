"""The reason why no GPU is used, in a few words for the user: the CPU is never used without a message."""

from __future__ import annotations

import shutil
from pathlib import Path


def why_no_gpu(torch_version: str, built_for: str | None, available: bool) -> str:
    """Return why torch cannot use a GPU; "" if it can.

    Args:
        torch_version: torch.__version__.
        built_for: torch.version.cuda, the CUDA version of this torch; None = CPU only.
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
    """Return whether this machine has NVIDIA's driver, whether or not torch can use it."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()

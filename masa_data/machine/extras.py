"""What an installation may have beyond the least: the extras of pyproject.toml."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Final

INSTALL_TRAINING: Final = "pip install 'masa-slr[train]'"
# By the extra: the newest onnx asks for a protobuf that MediaPipe cannot use.
INSTALL_ONNX: Final = "pip install 'masa-slr[onnx]'"

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def installed_version(distribution: str) -> str | None:
    """Of a distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def not_installed(extra: str) -> list[str]:
    """The distributions that an extra asks for and that are not there.

    Args:
        extra: its name; those that only some Pythons need are left out.
    """
    condition = f'extra == "{extra}"'
    wanted = [
        _NAME.match(requirement)
        for requirement in importlib.metadata.requires("masa-slr") or ()
        if requirement.partition(";")[2].strip() == condition
    ]
    return [name[0] for name in wanted if name and installed_version(name[0]) is None]

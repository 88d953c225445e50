"""What an installation may have beyond the least: the extras of pyproject.toml."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Any, Final

from masa_data.errors import NotInstalledError

INSTALL_TRAINING: Final = "pip install 'masa-slr[train]'"
# By the extra: the newest onnx asks for a protobuf that MediaPipe cannot use.
INSTALL_ONNX: Final = "pip install 'masa-slr[onnx]'"
INSTALL_PANDAS: Final = "pip install pandas"
INSTALL_EXCHANGE: Final = "pip install 'masa-slr[exchange]'"
INSTALL_VIDEO: Final = "pip install 'masa-slr[video]'"
INSTALL_VIEW: Final = "pip install 'masa-slr[view]'"

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


def is_installed(module: str) -> bool:
    """Whether a library is there, without importing it.

    Args:
        module: the name that it is imported by, without a dot.
    """
    return importlib.util.find_spec(module) is not None


def folder_of(module: str) -> Path | None:
    """The folder of a package, found without importing it; None if it is not there.

    Args:
        module: the name that it is imported by, without a dot.
    """
    spec = importlib.util.find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def load_optional(module: str, needed_for: str, how: str, name: str = "") -> Any:  # noqa: ANN401  # a module
    """Import a library that an installation need not have.

    Args:
        module: the name that it is imported by.
        needed_for: what it does here, as "which reads and writes Parquet"; may be "".
        how: how to install it.
        name: what it is called; the module's name if "".

    Raises:
        NotInstalledError: if it is not there, or something that it needs is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        what = f"{name or module} is not installed"
        raise NotInstalledError(f"{what}, {needed_for}" if needed_for else what, how) from None

"""Optional parts of an installation: the extras of pyproject.toml."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import Any, Final

from masa_data.errors import NotInstalledError

INSTALL_TRAINING: Final = "pip install 'masa-slr[train]'"
# As an extra, because the newest onnx requires a protobuf that MediaPipe cannot use.
INSTALL_ONNX: Final = "pip install 'masa-slr[onnx]'"
INSTALL_PANDAS: Final = "pip install pandas"
INSTALL_EXCHANGE: Final = "pip install 'masa-slr[exchange]'"
INSTALL_FETCH: Final = "pip install 'masa-slr[fetch]'"
INSTALL_VIDEO: Final = "pip install 'masa-slr[video]'"
INSTALL_VIEW: Final = "pip install 'masa-slr[view]'"

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def not_installed(extra: str) -> list[str]:
    """Return the distributions that an extra requires and that are not installed.

    Args:
        extra: name of the extra; distributions for certain Python versions only are ignored.
    """
    condition = f'extra == "{extra}"'
    wanted = [
        _NAME.match(requirement)
        for requirement in importlib.metadata.requires("masa-slr") or ()
        if requirement.partition(";")[2].strip() == condition
    ]
    return [name[0] for name in wanted if name and installed_version(name[0]) is None]


def is_installed(module: str) -> bool:
    """Return whether a library is installed, without importing it.

    Args:
        module: name for importing it, without a dot.
    """
    return importlib.util.find_spec(module) is not None


def folder_of(module: str) -> Path | None:
    """Return the folder of a package, without importing it; None if it is not installed.

    Args:
        module: name for importing it, without a dot.
    """
    spec = importlib.util.find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def load_optional(module: str, needed_for: str, how: str, name: str = "") -> Any:  # noqa: ANN401  # a module
    """Import an optional library.

    Args:
        module: name for importing it.
        needed_for: its purpose, like "which reads and writes Parquet"; may be "".
        how: how to install it.
        name: name of the library in messages; "" = the module's name.

    Raises:
        NotInstalledError: if it, or something that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        what = f"{name or module} is not installed"
        raise NotInstalledError(f"{what}, {needed_for}" if needed_for else what, how) from None

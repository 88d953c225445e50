"""Listing of the inputs that a user gives on the command line."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from masa_data.corpora.clip import Listing, Problem, join
from masa_data.corpora.csv_list import list_csv
from masa_data.corpora.folder import list_file, list_folder
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError


def list_inputs(inputs: Iterable[str], *, rename: bool = False) -> Listing:
    """List files, folders, CSV lists and glob patterns, in the given order.

    Inputs that cannot be listed become problems; the others are listed.

    Args:
        inputs: paths and patterns.
        rename: whether a clip whose id is in use gets its path as its id, instead of becoming a problem.
    """
    return join((_list_one(name) for given in inputs for name in _expand(given)), rename=rename)


def require_inputs(names: Iterable[str]) -> None:
    """Check that all inputs exist, before work begins.

    Raises:
        DataError: if a file or folder does not exist, or a pattern matches no file.
        OSError: if this cannot be determined.
    """
    missing = [name for name in names if not any(Path(found).exists() for found in _expand(name))]
    if missing:
        others = (
            f" (nor {' or '.join(missing[1:3])}{', …' if len(missing) > 3 else ''})" if missing[1:] else ""
        )
        raise DataError(f"{missing[0]} does not exist{others}", "Check the path")


def _expand(given: str) -> Iterator[str]:
    """Yield the names that match a pattern, if the shell has not expanded it."""
    if Path(given).exists() or not glob.has_magic(given):
        yield given
    else:
        yield from sorted(glob.glob(given, recursive=True)) or [given]  # noqa: PTH207


def _list_one(name: str) -> Listing:
    path = Path(name)
    try:
        if path.is_dir():
            return list_folder(path)
        if not path.is_file():
            raise DataError(f"{name} does not exist", "Check the path")
        return list_csv(path) if path.suffix.lower() == ".csv" else list_file(path)
    except OSError as error:
        problem = Problem.of(in_words(error, name), name)
    except DataError as error:
        problem = Problem.of(error, name)
    return Listing(problems=[problem])

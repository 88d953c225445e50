"""Atomic writing: a file appears under its name completely or not at all.

The content is written to `NAME.tmp` in the same folder, synchronized to the disk, and then renamed. After an
error (usually a full disk), the incomplete file is removed to free its space, and an existing file of this
name is unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_LONGEST_NAME: Final = 255  # bytes, on all common file systems


@contextmanager
def new_file(path: Path, *, keep_ending: bool = False) -> Iterator[Path]:
    """Create a file for writing, which is renamed to `path` at the end, or removed after an error.

    Args:
        path: file to create or replace. A device or a pipe is written directly.
        keep_ending: whether the temporary file has the same extension as `path`, for libraries that need it.

    Raises:
        OSError: if it cannot be written; `path` is unchanged.
    """
    if _is_no_file(path):
        yield path
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    ending = f".tmp{target.suffix}" if keep_ending else ".tmp"
    room = _LONGEST_NAME - len(ending)
    temporary = target.with_name(os.fsdecode(os.fsencode(target.name)[:room]) + ending)
    try:
        yield temporary
        _put_in_place(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, completely or not at all; text as UTF-8, with "?" for characters that it cannot encode.

    Raises:
        OSError: if it cannot be written; `path` is unchanged.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with new_file(path) as temporary, temporary.open("wb") as file:
        file.write(data)


def append_line(path: Path, line: str) -> None:
    """Append a line to a file, completely or not at all.

    Raises:
        OSError: if it cannot be written; the file is unchanged.
    """
    data = line.encode("utf-8", "replace") + b"\n"
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            while data:  # an unbuffered write may write only a part
                data = data[file.write(data) :]
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def _is_no_file(path: Path) -> bool:
    """Return whether it is a device or pipe or links to one, like /dev/stdout; it must not be replaced."""
    return (path.exists() and not path.is_file()) or path.absolute().parts[1:2] in (("dev",), ("proc",))


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished file to its name, after it is synchronized to the disk."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    with suppress(OSError):  # folders without read permission, and file systems that do not support it
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

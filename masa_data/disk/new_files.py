"""Files that stand under their name whole or not at all.

What is written goes to `NAME.tmp` beside it, reaches the disk, and gets its name only then. If anything goes
wrong (a full disk above all), the half is removed, so that it does not keep the disk full, and what stood
under the name before stays.
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
    """A file to write to, which becomes `path` at the end, or vanishes if something goes wrong.

    Args:
        path: the file to make or replace. A device or a pipe is written to directly.
        keep_ending: whether the file to write to ends as `path` does, for libraries that go by that.

    Raises:
        OSError: if it cannot be written; `path` is as before.
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
    """Write a file, whole or not at all; text as UTF-8, with "?" for what UTF-8 cannot hold.

    Raises:
        OSError: if it cannot be written; `path` is as before.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with new_file(path) as temporary, temporary.open("wb") as file:
        file.write(data)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, whole or not at all.

    Raises:
        OSError: if it cannot be written; the file is as before.
    """
    data = line.encode("utf-8", "replace") + b"\n"
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            while data:  # an unbuffered write may take only a part
                data = data[file.write(data) :]
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def _is_no_file(path: Path) -> bool:
    """Whether it is a device or pipe, or leads to one, such as /dev/stdout: renaming would replace it."""
    return (path.exists() and not path.is_file()) or path.absolute().parts[1:2] in (("dev",), ("proc",))


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished file to its name, and have the disk hold it before its old content is gone."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    with suppress(OSError):  # folders that may not be read, and file systems that cannot do it
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""The folder beside an output file in which work under way waits, held by one process at a time."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from masa_data.errors import DataError


def work_folder_of(out: Path) -> Path:
    """`OUT.partial`, whether it is there or not."""
    return out.with_name(out.name + ".partial")


def claim_work_folder(out: Path) -> tuple[Path, FileLock]:
    """Make the work folder of an output file where it is not there, and take its lock.

    Args:
        out: the file to be made.

    Returns:
        the folder, and the lock, to be released by the caller. It ends with the process, however that dies.

    Raises:
        DataError: if another process holds it.
        OSError: if the folder cannot be written.
    """
    folder = work_folder_of(out)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(
            f"another process is writing {out}", "Wait for it, or name another output file"
        ) from None
    return folder, lock

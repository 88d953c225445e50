"""The folder beside an output file in which work under way waits, held by one process at a time."""

from __future__ import annotations

from pathlib import Path

from masa_data.disk.claims import Claim, TakenError, claim
from masa_data.errors import DataError


def work_folder_of(out: Path) -> Path:
    """`OUT.partial`, whether it is there or not."""
    return out.with_name(out.name + ".partial")


def claim_work_folder(out: Path) -> tuple[Path, Claim]:
    """Make the work folder of an output file where it is not there, and claim it.

    Args:
        out: the file to be made.

    Returns:
        the folder, and the claim, to be released by the caller. It ends with the process, however that dies.

    Raises:
        DataError: if another process holds it.
        OSError: if the folder cannot be written.
    """
    folder = work_folder_of(out)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return folder, claim(folder / "lock")
    except TakenError as holder:
        raise DataError(
            f"{holder} is writing {out}"
            if str(holder) == "another process"
            else f"{out} is written by {holder}",
            "Wait for it, or name another output file",
        ) from None


def refuse_unfinished(out: Path) -> None:
    """Check that masa-extract does not work on a file and has not left anything to go on with.

    Raises:
        DataError: if it does, or has.
    """
    folder = work_folder_of(out)
    if (folder / "run.json").exists():
        raise DataError(
            f"{folder} holds an unfinished extraction to {out.name}",
            "Let masa-extract finish it (the same command goes on), or remove the folder",
        )

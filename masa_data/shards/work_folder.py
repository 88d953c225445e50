"""The folder for unfinished work next to an output file; one process at a time may use it."""

from __future__ import annotations

from pathlib import Path

from masa_data.disk.claims import Claim, TakenError, claim
from masa_data.errors import DataError


def work_folder_of(out: Path) -> Path:
    """Return `OUT.partial`, whether it exists or not."""
    return out.with_name(out.name + ".partial")


def claim_work_folder(out: Path) -> tuple[Path, Claim]:
    """Create the work folder of an output file if it does not exist, and claim it.

    Args:
        out: path of the output file.

    Returns:
        the folder, and the claim, which the caller must release. It also ends when the process ends.

    Raises:
        DataError: if another process has claimed it.
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
            "Wait until it has finished, or choose another output file",
        ) from None


def refuse_unfinished(out: Path) -> None:
    """Check that there is no running or unfinished extraction to a file.

    Raises:
        DataError: if there is one.
    """
    folder = work_folder_of(out)
    if (folder / "run.json").exists():
        raise DataError(
            f"{folder} contains an unfinished extraction to {out.name}",
            "Finish it by repeating the masa-extract command, or remove the folder",
        )

"""Default names of run folders: runs/KIND-001, runs/KIND-002 and so on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

RUNS: Final = Path("runs")


def next_folder(kind: str) -> Path:
    """Create the next free folder of a kind; it is safe if other processes do the same."""
    number = max((number_of(found, kind) for found in runs_of(kind)), default=0)
    while True:
        number += 1
        path = RUNS / f"{kind}-{number:03}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return path


def runs_of(kind: str) -> list[Path]:
    """List the run folders of a kind, in any order."""
    return [path for path in RUNS.glob(f"{kind}-*") if number_of(path, kind) and path.is_dir()]


def number_of(path: Path, kind: str) -> int:
    """Return the number in a folder's name; 0 if it has none."""
    digits = path.name.removeprefix(f"{kind}-")
    return int(digits) if digits.isdecimal() else 0

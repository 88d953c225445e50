"""A run's folder: settings, checkpoints, metrics, and finding the newest one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import BaseModel

from masa_data.errors import DataError
from masa_data.new_files import append_line, write_whole

RUNS: Final = Path("runs")
LAST: Final = "last.safetensors"
BEST: Final = "best.safetensors"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run writes.

    Attributes:
        path: of the folder.
    """

    path: Path

    @classmethod
    def create(cls, kind: str, path: Path | None = None) -> RunFolder:
        """Make a folder: the one named, or the next free runs/KIND-001.

        Raises:
            DataError: if the one named holds a run.
        """
        if path is None:
            number = 1 + max((_number(found, kind) for found in _runs(kind)), default=0)
            path = RUNS / f"{kind}-{number:03}"
        if (path / "settings.toml").exists():
            raise DataError(
                f"{path} holds a run already", f"Go on with --resume {path}, or name another with --run"
            )
        (path / "checkpoints").mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def newest(cls, kind: str) -> RunFolder:
        """The run of a kind that was started last, under runs/.

        Raises:
            DataError: if there is none.
        """
        found = sorted(_runs(kind), key=lambda path: _number(path, kind))
        if not found:
            raise DataError(f"there is no run of kind {kind} in {RUNS}/", f"Make one: masa-{kind}")
        return cls(found[-1])

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.checkpoints / LAST

    @property
    def metrics(self) -> Path:
        """A JSON line for every epoch."""
        return self.path / "metrics.jsonl"

    def write_settings(self, settings: BaseModel) -> None:
        """All settings as they came to be, in the form that --config reads."""
        text = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))
        write_whole(self.path / "settings.toml", text)

    def write_json(self, name: str, values: object) -> None:
        """A JSON file."""
        write_whole(self.path / name, json.dumps(values, indent=2) + "\n")

    def read_json(self, name: str) -> Any:  # noqa: ANN401  # what JSON holds
        """The JSON file back.

        Raises:
            DataError: if it is missing or damaged.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise DataError(f"{path} is missing or damaged", "Name a folder that a run wrote") from None

    def next_evaluation(self, splits: str) -> str:
        """The name, without its ending and below the folder, of what the next evaluation leaves there.

        Evaluations are numbered, so that none replaces an earlier one: "evaluations/003-test".

        Raises:
            OSError: if the folder cannot be written.
        """
        place = self.path / "evaluations"
        place.mkdir(exist_ok=True)
        numbers = [int(path.name[:3]) for path in place.glob("[0-9][0-9][0-9]-*")]
        return f"{place.name}/{max(numbers, default=0) + 1:03}-{splits}"

    def append_metrics(self, values: dict[str, object]) -> None:
        """One more line, whole or not at all."""
        append_line(self.metrics, json.dumps(values))

    def read_metrics(self) -> list[dict[str, Any]]:
        """All lines; a last one that was cut off is left out."""
        if not self.metrics.exists():
            return []
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def forget_metrics_from(self, epoch: int) -> None:
        """Drop the lines of an epoch and later ones, which are about to be made again."""
        kept = [line for line in self.read_metrics() if line["epoch"] < epoch]
        write_whole(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))


def _runs(kind: str) -> list[Path]:
    return [path for path in RUNS.glob(f"{kind}-*") if _number(path, kind) and path.is_dir()]


def _number(path: Path, kind: str) -> int:
    digits = path.name.removeprefix(f"{kind}-")
    return int(digits) if digits.isdecimal() else 0

"""The folder of a run: settings, checkpoints, metrics and its lock; also finds the newest run.

The files can have been changed by other programs, so everything is validated when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from masa_data.disk.claims import TakenError, claim
from masa_data.disk.new_files import append_line, write_whole
from masa_data.errors import DataError
from masa_data.texts import counted
from masa_model.settings.resolve import resolve_settings
from masa_model.training.checkpoint_checks import first_fault
from masa_model.training.run_names import RUNS, next_folder, number_of, runs_of

LAST: Final = "last.safetensors"
BEST: Final = "best.safetensors"
DATA: Final = "data.json"
SETTINGS: Final = "settings.toml"
# A run writes all of its settings. If these are missing, the file was changed, and defaults would silently
# replace the original values.
_ALWAYS_WRITTEN: Final = frozenset(
    {"size", "epochs", "batch_size", "seed", "network", "inputs", "optimizer", "data"}
)

Settings = TypeVar("Settings", bound=BaseModel)
_Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Record: Final = TypeAdapter(dict[str, float])


class DataRecord(BaseModel):
    """The part of data.json that is read back; its other numbers are only for information.

    Attributes:
        files: paths of the files of pose tracks.
        fingerprints: fingerprint of each file.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    files: Annotated[list[_Text], Field(min_length=1)]
    fingerprints: list[str]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run.

    Attributes:
        path: path of the folder.
    """

    path: Path

    @classmethod
    def create(cls, kind: str, path: Path | None = None) -> RunFolder:
        """Create the folder of a new run: the given one, or the next free runs/KIND-001.

        Raises:
            DataError: if the given folder already contains a run.
        """
        folder = cls(next_folder(kind) if path is None else path)
        folder._refuse_a_run()
        folder.checkpoints.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def held(self) -> Iterator[str]:
        """Lock the folder within a `with` block, so that no other process trains in it.

        The lock is released when the process ends, even if it is killed.

        Yields:
            a note for the user if the file system does not support locks, else "".

        Raises:
            DataError: if the folder does not exist, or another process has locked it.
            OSError: if the folder cannot be written.
        """
        if not self.path.is_dir():
            raise DataError(f"{self.path} is not a folder, expected the folder of a run", "Check the path")
        try:
            holding = claim(self.path / "lock")
        except TakenError as holder:
            raise DataError(
                f"another process trains in {self.path} ({holder})", "Wait for it, or use another folder"
            ) from None
        with holding:
            yield holding.note

    def begin(self, settings: BaseModel, record: object, *, again: bool = False) -> None:
        """Write data.json and settings.toml. The settings are last: a folder with settings can be resumed.

        Args:
            settings: settings of the run.
            record: record of its clips.
            again: whether a run is resumed with changed settings.

        Raises:
            DataError: if the folder already contains a run and `again` is False.
            OSError: if the folder cannot be written.
        """
        if not again:
            self._refuse_a_run()
        self.write_json(DATA, record)
        self.write_settings(settings)

    def _refuse_a_run(self) -> None:
        if (self.path / SETTINGS).exists():
            raise DataError(
                f"{self.path} already contains a run",
                "Resume it with {resume}, or use another folder with {run}",
                resume=str(self.path),
                run="FOLDER",
            )

    @classmethod
    def newest(cls, kind: str) -> RunFolder:
        """Find the newest run of a kind ("pretrain" or "finetune") in runs/.

        Raises:
            DataError: if there is no run of this kind.
        """
        runs = (path for path in runs_of(kind) if (path / SETTINGS).exists())
        found = sorted(runs, key=lambda path: number_of(path, kind))
        if not found:
            raise DataError(f"there is no run of kind {kind} in {RUNS}/", f"Start one with masa-{kind}")
        return cls(found[-1])

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint from which the run can resume."""
        return self.checkpoints / LAST

    @property
    def metrics(self) -> Path:
        """The file metrics.jsonl, with one line of JSON for every epoch."""
        return self.path / "metrics.jsonl"

    def write_settings(self, settings: BaseModel) -> None:
        """Write all settings to settings.toml, in the form that `resolve_settings` reads."""
        text = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))
        write_whole(self.path / "settings.toml", text)

    def require_run(self) -> None:
        """Check that the folder contains a run that can be resumed.

        Raises:
            DataError: if there is no run.
        """
        if not (self.path / SETTINGS).is_file():
            raise DataError(
                f"{self.path} contains no run: {self.path / SETTINGS} is missing",
                "Give the folder of a run, or start a new run",
            )

    def read_settings(self, kind: type[Settings]) -> Settings:
        """Read settings.toml.

        Args:
            kind: class of the settings.

        Raises:
            DataError: if the settings are missing, damaged, incomplete or of another kind.
        """
        path = self.path / SETTINGS
        advice = f"Restore the {SETTINGS} that the run wrote"
        self.require_run()
        try:
            settings = resolve_settings(kind, config=path)
        except DataError as error:
            reason = error.reason if str(path) in error.reason else f"{path}: {error.reason}"
            raise DataError(reason, advice) from None
        lacking = sorted(_ALWAYS_WRITTEN - settings.model_fields_set)
        if lacking:
            raise DataError(f"{path} lacks {', '.join(lacking)}", advice)
        return settings

    def write_json(self, name: str, values: object) -> None:
        """Write a JSON file in the folder."""
        write_whole(self.path / name, json.dumps(values, indent=2) + "\n")

    def read_json(self, name: str) -> Any:  # noqa: ANN401  # what JSON holds
        """Read a JSON file in the folder.

        Raises:
            DataError: if the file is missing or damaged.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise DataError(f"{path} is missing or damaged", "Give the folder of a run") from None

    def next_evaluation(self, splits: str) -> str:
        """Return the file name for the next evaluation, such as "evaluations/003-test".

        Evaluations are numbered, so that none overwrites an earlier one.

        Args:
            splits: the evaluated splits.

        Returns:
            the name, relative to the folder of the run and without extension.

        Raises:
            OSError: if the folder cannot be written.
        """
        place = self.path / "evaluations"
        place.mkdir(exist_ok=True)
        numbers = [int(path.name[:3]) for path in place.glob("[0-9][0-9][0-9]-*")]
        return f"{place.name}/{max(numbers, default=0) + 1:03}-{splits}"

    def read_data(self) -> DataRecord:
        """Read data.json, the record of the run's clips.

        Raises:
            DataError: if the file is missing, damaged or not written by a run.
        """
        values = self.read_json(DATA)
        try:
            record = DataRecord.model_validate(values)
        except ValidationError as error:
            raise DataError(
                f"{self.path / DATA} is not a valid record of a run ({first_fault(error)})",
                "Give the files of pose tracks, or restore the file that the run wrote",
            ) from None
        if len(record.files) != len(record.fingerprints):
            raise DataError(
                f"{self.path / DATA} lists {counted(len(record.files), 'file')} and "
                f"{counted(len(record.fingerprints), 'fingerprint')}",
                "Restore the file that the run wrote",
            )
        return record

    def files(self) -> tuple[Path, ...]:
        """Return the paths of the files that the run was trained on.

        Raises:
            DataError: if data.json cannot be read, as for `read_data`.
        """
        return tuple(map(Path, self.read_data().files))

    def append_metrics(self, values: dict[str, object]) -> None:
        """Append one line to metrics.jsonl, either completely or not at all."""
        append_line(self.metrics, json.dumps(values))

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read all lines of metrics.jsonl; an incomplete last line is skipped.

        Raises:
            DataError: if a line is not a record of an epoch.
        """
        if not self.metrics.exists():
            return []
        records: list[dict[str, Any]] = []
        for number, line in enumerate(self.metrics.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                values = json.loads(line.decode("utf-8"))
                record = _Record.validate_python(values, strict=True)
                if record["epoch"] < 0:
                    raise ValueError
                records.append({_as_now(name): value for name, value in values.items()})
            except (ValueError, KeyError, RecursionError):
                raise DataError(
                    f"line {number} of {self.metrics} is not a valid record of an epoch",
                    "Restore the file that the run wrote, or remove it: the checkpoints do not need it",
                ) from None
        return records

    def forget_metrics_from(self, epoch: int) -> None:
        """Remove the lines of an epoch and of later ones, because these epochs will be trained again."""
        if not self.metrics.exists():
            return
        kept = [line for line in self.read_metrics() if line["epoch"] < epoch]
        write_whole(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))


def _as_now(name: str) -> str:
    """Return the current name of a measurement in metrics.jsonl."""
    return name.replace("neighbour", "neighbor")

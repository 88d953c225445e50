"""A run's folder: settings, checkpoints, metrics, who holds it, and finding the newest one.

What lies in it may have been changed by others: all that is read is checked.
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
# A run writes all of its settings; without these, defaults would take the place of what it was begun with.
_ALWAYS_WRITTEN: Final = frozenset(
    {"size", "epochs", "batch_size", "seed", "network", "inputs", "optimizer", "data"}
)

Settings = TypeVar("Settings", bound=BaseModel)
_Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Record: Final = TypeAdapter(dict[str, float])


class DataRecord(BaseModel):
    """What data.json says of the clips; the numbers that it also holds are for people.

    Attributes:
        files: of pose tracks.
        fingerprints: of each.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    files: Annotated[list[_Text], Field(min_length=1)]
    fingerprints: list[str]


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
        folder = cls(next_folder(kind) if path is None else path)
        folder._refuse_a_run()
        folder.checkpoints.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def held(self) -> Iterator[str]:
        """Within, no other process trains into the folder. The lock ends with its process, however that dies.

        Yields:
            a line for the user where the file system has no locks, else "".

        Raises:
            DataError: if another process holds it.
            OSError: if the folder cannot be written.
        """
        if not self.path.is_dir():
            raise DataError(f"{self.path} is no folder, expected that of a run", "Check the path")
        try:
            holding = claim(self.path / "lock")
        except TakenError as holder:
            raise DataError(
                f"another process trains in {self.path} ({holder})", "Wait for it, or name another folder"
            ) from None
        with holding:
            yield holding.note

    def begin(self, settings: BaseModel, record: object, *, again: bool = False) -> None:
        """Write what the run is of. Its settings come last: with them there is a run that can go on.

        Args:
            settings: of the run.
            record: of its clips.
            again: whether it goes on with other settings than it was begun with.

        Raises:
            DataError: if the folder holds a run already.
            OSError: if it cannot be written.
        """
        if not again:
            self._refuse_a_run()
        self.write_json(DATA, record)
        self.write_settings(settings)

    def _refuse_a_run(self) -> None:
        if (self.path / SETTINGS).exists():
            raise DataError(
                f"{self.path} holds a run already",
                "Go on with {resume}, or name another with {run}",
                resume=str(self.path),
                run="FOLDER",
            )

    @classmethod
    def newest(cls, kind: str) -> RunFolder:
        """The run of a kind that was started last, under runs/.

        Raises:
            DataError: if there is none.
        """
        runs = (path for path in runs_of(kind) if (path / SETTINGS).exists())
        found = sorted(runs, key=lambda path: number_of(path, kind))
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
        """All settings as they came to be, in the form that resolve_settings reads."""
        text = tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))
        write_whole(self.path / "settings.toml", text)

    def require_run(self) -> None:
        """Check that there is a run that can go on.

        Raises:
            DataError: if there is none.
        """
        if not (self.path / SETTINGS).is_file():
            raise DataError(
                f"{self.path} holds no run: {self.path / SETTINGS} is missing",
                "Name a folder that a run wrote, or begin the run",
            )

    def read_settings(self, kind: type[Settings]) -> Settings:
        """The settings back.

        Args:
            kind: which settings.

        Raises:
            DataError: if they are missing, damaged, incomplete or none of this kind.
        """
        path = self.path / SETTINGS
        advice = f"Put back the {SETTINGS} that the run wrote"
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
        except (OSError, ValueError, RecursionError):
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

    def read_data(self) -> DataRecord:
        """What data.json says of the clips.

        Raises:
            DataError: if it is missing, damaged or says something else.
        """
        values = self.read_json(DATA)
        try:
            record = DataRecord.model_validate(values)
        except ValidationError as error:
            raise DataError(
                f"{self.path / DATA} is not what a run writes ({first_fault(error)})",
                "Name the files of pose tracks, or put back the file that the run wrote",
            ) from None
        if len(record.files) != len(record.fingerprints):
            raise DataError(
                f"{self.path / DATA} names {counted(len(record.files), 'file')} and "
                f"{counted(len(record.fingerprints), 'fingerprint')}",
                "Put back the file that the run wrote",
            )
        return record

    def files(self) -> tuple[Path, ...]:
        """The files that the run learns from.

        Raises:
            DataError: as read_data.
        """
        return tuple(map(Path, self.read_data().files))

    def append_metrics(self, values: dict[str, object]) -> None:
        """One more line, whole or not at all."""
        append_line(self.metrics, json.dumps(values))

    def read_metrics(self) -> list[dict[str, Any]]:
        """All lines; a last one that was cut off is left out.

        Raises:
            DataError: if a line is no record of an epoch.
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
                    f"line {number} of {self.metrics} is not what a run writes about an epoch",
                    "Put back the file that the run wrote, or remove it: the checkpoints do not need it",
                ) from None
        return records

    def forget_metrics_from(self, epoch: int) -> None:
        """Drop the lines of an epoch and later ones, which are about to be made again."""
        if not self.metrics.exists():
            return
        kept = [line for line in self.read_metrics() if line["epoch"] < epoch]
        write_whole(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))


def _as_now(name: str) -> str:
    """What a measure of a line of metrics.jsonl is called now."""
    return name.replace("neighbour", "neighbor")

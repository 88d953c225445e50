"""What beginning a run, and going on with one, have in common for both kinds of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from masa_data.errors import DataError, MismatchError
from masa_data.texts import counted
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import resolve_settings
from masa_model.training.processes import Processes
from masa_model.training.run_folder import RunFolder

Settings = TypeVar("Settings", PretrainSettings, FinetuneSettings)


def new_folder(kind: str, path: Path | None, processes: Processes) -> RunFolder:
    """The folder of a new run, the same for all processes.

    Args:
        kind: "pretrain" or "finetune".
        path: the folder; None = the next free one in runs/.
        processes: who trains together.

    Raises:
        DataError: if the one named holds a run.
    """
    made = str(RunFolder.create(kind, path).path) if processes.first else ""
    return RunFolder(Path(processes.same_text(made)))


def lengthened(settings: Settings, epochs: int | None, folder: RunFolder) -> Settings:
    """The settings of a run that goes on, with more epochs if more are asked for.

    Args:
        settings: of the run.
        epochs: how many it shall have; None = as before.
        folder: of the run.

    Raises:
        DataError: if fewer are asked for: a schedule cannot be made shorter than it has come.
    """
    before = settings.epochs
    if epochs is None or epochs == before:
        return settings
    if epochs < before:
        raise DataError(
            f"{folder.path} is a run of {counted(before, 'epoch')}, {epochs} were asked for",
            "Ask for more, to make it longer, or for none",
        )
    values = settings.model_dump(mode="json", exclude_none=True) | {"epochs": epochs}
    return resolve_settings(type(settings), options=values)


def check_same_files(folder: RunFolder, record: Mapping[str, object]) -> None:
    """Check that the files are those that the run was begun with.

    Raises:
        MismatchError: if they are not.
    """
    if folder.read_data().fingerprints != record["fingerprints"]:
        raise MismatchError(f"the files are not those {folder.path} was trained on", "Name the same files")


@contextmanager
def held_by(folder: RunFolder, processes: Processes) -> Iterator[str]:
    """Within, nobody else trains into the folder.

    Yields:
        a line for the user where the file system has no locks, else "".

    Raises:
        DataError: if another one does.
    """
    if not processes.first:
        yield ""
        return
    with folder.held() as note:
        yield note

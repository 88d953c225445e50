"""Start and resume runs: the code that pre-training and fine-tuning share."""

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
    """Create the folder of a new run; all processes get the same one.

    Args:
        kind: kind of run, "pretrain" or "finetune".
        path: folder of the run; None = the next free one in runs/.
        processes: the processes that train together.

    Returns:
        the new folder.

    Raises:
        DataError: if the given folder already contains a run.
    """
    made = str(RunFolder.create(kind, path).path) if processes.first else ""
    return RunFolder(Path(processes.same_text(made)))


def lengthened(settings: Settings, epochs: int | None, folder: RunFolder) -> Settings:
    """Return the settings of a resumed run, with more epochs if requested.

    Args:
        settings: settings that the run was started with.
        epochs: new total number of epochs; None = unchanged.
        folder: folder of the run.

    Raises:
        DataError: if `epochs` is smaller than before: a schedule cannot be shortened.
    """
    before = settings.epochs
    if epochs is None or epochs == before:
        return settings
    if epochs < before:
        raise DataError(
            f"{folder.path} is a run of {counted(before, 'epoch')} and cannot be shortened to {epochs}",
            "Give a larger number to make the run longer, or leave it out",
        )
    values = settings.model_dump(mode="json", exclude_none=True) | {"epochs": epochs}
    return resolve_settings(type(settings), options=values)


def check_same_files(folder: RunFolder, record: Mapping[str, object]) -> None:
    """Check that the data files are the ones that the run was started with.

    Args:
        folder: folder of the run.
        record: record of the files that are open now, with their fingerprints.

    Raises:
        MismatchError: if the files differ.
    """
    if folder.read_data().fingerprints != record["fingerprints"]:
        raise MismatchError(
            f"the files differ from those that {folder.path} was trained on", "Give the same files"
        )


@contextmanager
def held_by(folder: RunFolder, processes: Processes) -> Iterator[str]:
    """Lock the folder of a run, so that no other process trains in it at the same time.

    Args:
        folder: folder of the run.
        processes: the processes that train together; the first one takes the lock.

    Yields:
        a note for the user if the file system does not support locks, else "".

    Raises:
        DataError: if another process trains in the folder.
    """
    if not processes.first:
        yield ""
        return
    with folder.held() as note:
        yield note

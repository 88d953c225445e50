"""What the commands that train share: options of a run, going on with one, showing it, stopping it."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from masa_data.errors import DataError
from masa_data.texts import counted

from .console import EXIT_TERMINATED
from .training_pace import Pace, duration, speed

if TYPE_CHECKING:
    from masa_model.training.progress import Progress as RunProgress
    from masa_model.training.run_folder import RunFolder


_Settings = TypeVar("_Settings", bound=BaseModel)


def run_options(kind: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Options for settings and for the run's folder.

    Args:
        kind: "pretrain" or "finetune": how the folders are named.
    """
    path = click.Path(path_type=Path)
    options = (
        click.option("--config", type=path, help="A TOML file of settings."),
        click.option(
            "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="One setting; may be repeated."
        ),
        # torchrun takes --run for an abbreviation of an option of its own, wherever it stands.
        click.option(
            "--run",
            "--run-folder",
            "run_path",
            type=path,
            help=f"Folder [default: runs/{kind}-NNN]; with torchrun say --run-folder.",
        ),
        click.option(
            "--resume",
            type=path,
            metavar="RUN",
            help="Go on with a run; with --epochs, make it longer.",
        ),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 …"),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def run_to_resume(resume: Path, said: Iterable[object]) -> RunFolder:
    """The folder of a run to go on with.

    Args:
        resume: the run's folder.
        said: values of options that go on with nothing; all must be unsaid.

    Raises:
        DataError: if one was said, or the folder holds no run.
    """
    from masa_model.training.run_folder import RunFolder

    if any(value is not None and value != () for value in said):
        raise DataError("--resume goes on with the settings of the run", "Leave the other options out")
    folder = RunFolder(resume)
    folder.require_run()
    return folder


def say_how_it_goes_on(
    console: Console, command: str, folder: RunFolder, settings: BaseModel, before: BaseModel
) -> None:
    """What is not as one may think: from the start again, longer, or complete already.

    Args:
        console: where to say it.
        command: its name.
        folder: of the run.
        settings: with which it goes on.
        before: with which it was begun.
    """
    from masa_model.training.checkpoint import read_header

    epochs, had = settings.epochs, before.epochs  # type: ignore[attr-defined]
    if epochs != had:
        console.print(
            f"{folder.path} is made longer, from {had:,} to {epochs:,} epochs. From here on its schedules "
            "are those of the longer run, so the learning rate may rise again: a run that was as long from "
            "its start ends otherwise."
        )
    if not folder.last.exists():
        console.print(f"{folder.path} has no checkpoint yet: it begins again, with its own settings.")
        return
    header = read_header(folder.last)
    if header.step == header.steps and epochs == had:
        console.print(
            f"{folder.path} is complete ({counted(epochs, 'epoch')}). To make it longer: "
            f"{shlex.join([command, '--resume', str(folder.path), '--epochs', str(2 * epochs)])}"
        )


def newest_run(console: Console, kind: str) -> RunFolder:
    """The run that was started last, and a line where it was stopped early.

    Args:
        console: where to say so.
        kind: "pretrain" or "finetune".

    Raises:
        DataError: if there is none.
    """
    from masa_model.training.checkpoint import read_header
    from masa_model.training.run_folder import RunFolder

    folder = RunFolder.newest(kind)
    if folder.last.is_file() and (header := read_header(folder.last)).step < header.steps:
        epochs = header.settings.get("epochs")
        done = f"{header.step:,} of {counted(header.steps, 'step')}"
        if isinstance(epochs, int):
            done = f"{epochs * header.step // header.steps} of {counted(epochs, 'epoch')}"
        console.print(
            f"{folder.path}, the newest run, was stopped at {done}; it is taken as it is (go on with it: "
            f"masa-{kind} --resume {shlex.quote(str(folder.path))})."
        )
    return folder


def files_to_train_on(files: tuple[Path, ...], command: str) -> tuple[Path, ...]:
    """The files named.

    Raises:
        DataError: if none is.
    """
    if not files:
        raise DataError("no file was named", f"As in: {command} out.h5")
    return files


def show_training(
    console: Console,
    command: str,
    folder: RunFolder,
    train: Callable[[Callable[[], bool]], Iterator[RunProgress]],
    after_epoch: Callable[[dict[str, Any], str], None],
    pace: Pace,
) -> None:
    """Run a training with a bar. If a signal stops it, say how to go on, and leave.

    Args:
        console: where to show it.
        command: its name.
        folder: of the run.
        train: begins the training; is given what to ask whether to stop.
        after_epoch: called with each epoch's record, and the time left as text ("" at the end).
        pace: of the run.
    """
    bar = Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps ·"),
        TextColumn("{task.fields[speed]}, {task.fields[left]} left"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    last = None
    with _stop_on_signals() as stopped, bar:
        task = bar.add_task("", total=None, epoch=1, speed="…", left="…")
        for progress in train(lambda: bool(stopped)):
            last = progress
            pace.note(progress.step, progress.steps)
            left = duration(pace.left)
            bar.update(
                task,
                completed=progress.step,
                total=progress.steps,
                epoch=progress.epoch + 1,
                speed=speed(pace.clips_per_second),
                left=left,
            )
            if progress.record is not None:
                after_epoch(progress.record, f", {left} left" if progress.step < progress.steps else "")
            if said := pace.estimate():
                console.print(said)
    if stopped and (last is None or last.step < last.steps):
        console.print(f"Stopped and saved. Go on with: {shlex.join([command, '--resume', str(folder.path)])}")
        sys.exit(EXIT_TERMINATED)


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGTERM or SIGINT arrives; a second one ends the process at once."""
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if arrived:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        arrived.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

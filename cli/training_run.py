"""What masa-pretrain and masa-finetune share: options, and how a run is resumed, shown and stopped."""

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
    """Decorator that adds the options for settings and for the run folder.

    Args:
        kind: "pretrain" or "finetune"; default run folders are named by it.
    """
    path = click.Path(path_type=Path)
    options = (
        click.option("--config", type=path, help="A TOML file of settings."),
        click.option(
            "--set",
            "assignments",
            metavar="NAME=VALUE",
            multiple=True,
            help="Change one setting; may be repeated.",
        ),
        # torchrun reads --run as an abbreviation of one of its own options, even after the script name.
        click.option(
            "--run",
            "--run-folder",
            "run_path",
            type=path,
            help=f"The run folder to write [default: runs/{kind}-NNN]. With torchrun, use --run-folder.",
        ),
        click.option(
            "--resume",
            type=path,
            metavar="RUN",
            help="Continue this run; with --epochs, train longer.",
        ),
        click.option(
            "--device", default="auto", show_default=True, help="Device: auto, cpu, cuda, cuda:1, …"
        ),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def run_to_resume(resume: Path, said: Iterable[object]) -> RunFolder:
    """The folder of a run to resume.

    Args:
        resume: path of the run folder.
        said: values of the options that cannot be changed when a run is resumed; none may be given.

    Raises:
        DataError: if one of them was given, or the folder contains no run.
    """
    from masa_model.training.run_folder import RunFolder

    if any(value is not None and value != () for value in said):
        raise DataError(
            "--resume uses the settings of the run, but other options were given", "Leave them out"
        )
    folder = RunFolder(resume)
    folder.require_run()
    return folder


def say_how_it_goes_on(
    console: Console, command: str, folder: RunFolder, settings: BaseModel, before: BaseModel
) -> None:
    """Print if a resumed run starts from the beginning, was made longer, or is complete already.

    Args:
        console: console to print to.
        command: name of the command.
        folder: the run folder.
        settings: settings with which the run continues.
        before: settings with which the run was started.
    """
    from masa_model.training.checkpoint import read_header

    epochs, had = settings.epochs, before.epochs  # type: ignore[attr-defined]
    if epochs != had:
        console.print(
            f"{folder.path} is made longer, from {had:,} to {epochs:,} epochs. From now on it follows the "
            "schedules of the longer run, so the learning rate can rise again. The result is not the same as "
            "that of a run that had this length from the start."
        )
    if not folder.last.exists():
        console.print(
            f"{folder.path} has no checkpoint yet: the run starts from the beginning, with its own settings."
        )
        return
    header = read_header(folder.last)
    if header.step == header.steps and epochs == had:
        console.print(
            f"{folder.path} is complete ({counted(epochs, 'epoch')}). To train longer: "
            f"{shlex.join([command, '--resume', str(folder.path), '--epochs', str(2 * epochs)])}"
        )


def newest_run(console: Console, kind: str) -> RunFolder:
    """The run that was started last; prints a line if it was stopped early.

    Args:
        console: console to print to.
        kind: "pretrain" or "finetune".

    Raises:
        DataError: if there is no run.
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
            f"{folder.path}, the newest run, was stopped at {done}; its last checkpoint is used. "
            f"To continue the run: masa-{kind} --resume {shlex.quote(str(folder.path))}"
        )
    return folder


def files_to_train_on(files: tuple[Path, ...], command: str) -> tuple[Path, ...]:
    """The files that the user gave.

    Args:
        files: the files; must not be empty.
        command: name of the command.

    Raises:
        DataError: if no file was given.
    """
    if not files:
        raise DataError("no input file was given", f"Name one or several, as in: {command} out.h5")
    return files


def show_training(
    console: Console,
    command: str,
    folder: RunFolder,
    train: Callable[[Callable[[], bool]], Iterator[RunProgress]],
    after_epoch: Callable[[dict[str, Any], str], None],
    pace: Pace,
) -> None:
    """Train, with a progress bar. If a signal stops the run, print how to continue it, and exit.

    Args:
        console: console to print to.
        command: name of the command.
        folder: the run folder.
        train: function that starts the training; its argument is a function that tells whether to stop.
        after_epoch: called with each epoch's record, and the time left as text ("" at the end).
        pace: speed of the run.
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
        console.print(
            "Stopped; a checkpoint was saved. "
            f"To continue: {shlex.join([command, '--resume', str(folder.path)])}"
        )
        sys.exit(EXIT_TERMINATED)


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGTERM or SIGINT arrives; a second signal ends the process at once."""
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

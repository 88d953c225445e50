"""masa-pretrain: MASA's self-supervised pre-training."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from masa_data.errors import DataError
from masa_data.version import VERSION
from masa_model.settings import PretrainSettings, Size

from .console import CONTEXT, EXIT_TERMINATED, errors_in_one_line, make_console

if TYPE_CHECKING:
    from masa_model.training.data import TrainingData
    from masa_model.training.run_folder import RunFolder

_EXAMPLES = """
\b
Examples:
  masa-pretrain out.h5                                 the paper's network and recipe
  masa-pretrain out.h5 --size tiny                     minutes on a laptop
  masa-pretrain wlasl.h5 slr500.h5 --epochs 200        several files, a shorter run
  masa-pretrain out.h5 --set motion.interval=5 --set masking.strategy=random
  masa-pretrain --resume runs/pretrain-001             go on with a run that was stopped
  torchrun --nproc-per-node 4 -m masa_cli.pretrain out.h5 --precision bf16
"""

# Fewer masked frames than this, and there is hardly anything to learn from.
_FEW_MASKED = 0.1


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--size", type=click.Choice(get_args(Size)), help="Network and recipe [default: base].")
@click.option("--epochs", type=click.IntRange(min=1), help="[default: base 400, small 200, tiny 50]")
@click.option(
    "--batch-size", type=click.IntRange(min=1), help="Clips of a step in each process [default: 64]."
)
@click.option("--seed", type=click.IntRange(min=0), help="[default: 0]")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "val", "test", "none"]),
    help="Train on clips of this split; may be repeated [default: train, and none = clips without a split].",
)
@click.option("--config", type=click.Path(path_type=Path), help="A TOML file of settings.")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="One setting; may be repeated."
)
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="Folder [default: runs/pretrain-NNN]."
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 …")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), help="[default: fp32]")
@click.option("--probe-every", type=click.IntRange(min=0), metavar="N", help="Probe every N epochs.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.version_option(VERSION)
def main(
    files: tuple[Path, ...],
    splits: tuple[str, ...],
    config: Path | None,
    assignments: tuple[str, ...],
    run_path: Path | None,
    resume: Path | None,
    device: str,
    quiet: bool,
    **options: object,
) -> None:
    """Pre-train MASA on the clips of one or several files, without labels."""
    with errors_in_one_line("masa-pretrain"):
        from masa_model.training.config import resolve_settings
        from masa_model.training.processes import joined_processes
        from masa_model.training.run_folder import RunFolder

        if resume is not None:
            folder = RunFolder(resume)
            if (
                assignments
                or config
                or run_path
                or splits
                or any(value is not None for value in options.values())
            ):
                raise DataError(
                    "--resume goes on with the settings of the run", "Leave the other options out"
                )
            files = files or tuple(Path(file) for file in folder.read_json("data.json")["files"])
            settings = resolve_settings(PretrainSettings, config=resume / "settings.toml")
        else:
            if not files:
                raise DataError("no file was named", "As in: masa-pretrain out.h5")
            values = {**options, "data": {"splits": splits} if splits else None}
            settings = resolve_settings(
                PretrainSettings, config=config, assignments=assignments, options=values
            )
        with joined_processes(device) as processes:
            console = make_console(quiet=quiet or not processes.first)
            data = _opened(console, files, settings)
            if resume is None:
                folder = _new_folder(run_path, processes.first, processes.wait)
            if (
                resume is not None
                and folder.read_json("data.json")["fingerprints"] != (data.record()["fingerprints"])
            ):
                raise DataError(f"the files are not those {resume} was trained on", "Name the same files")
            if processes.first and resume is None:
                folder.write_settings(settings)
                folder.write_json("data.json", data.record())
            console.print(f"Run: {folder.path} · {processes.device}, {processes.count} process(es)")
            _train(console, settings, data, folder, processes, resume=resume is not None)
            if processes.first:
                command = shlex.join(["masa-probe", str(folder.path), *map(str, files)])
                console.print(f"Wrote {folder.last}. Next: {command}")


def _opened(console: Console, files: tuple[Path, ...], settings: PretrainSettings) -> TrainingData:
    from masa_model.training.data import open_training_data

    data = open_training_data(files, settings.data.splits, settings.data.ratio, settings.seed)
    table = Table(box=None, pad_edge=False)
    for heading in ("corpus", "split", "used", "there"):
        table.add_column(heading, justify="right" if heading in ("used", "there") else "left")
    for (corpus, split), (used, there) in data.counts.items():
        table.add_row(corpus, split or "none", f"{used:,}", f"{there:,}")
    console.print(table)
    bank = min(settings.alignment.bank_size, max(1, len(data.clips) // 2))
    if bank < settings.alignment.bank_size and settings.alignment.weight > 0:
        console.print(f"The memory bank holds {bank:,} keys: half of the {len(data.clips):,} clips.")
    return data


def _train(console, settings, data, folder, processes, *, resume: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    from masa_model.pretrain import pretrain
    from masa_model.training.records import Recorder

    with stop_on_signals() as stopped, Recorder(folder, enabled=processes.first) as recorder:
        bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps ·"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        with bar:
            task = bar.add_task("", total=None, epoch=1)
            last = None
            for progress in pretrain(
                settings, data, folder, processes, resume=resume, stop=lambda: bool(stopped)
            ):
                last = progress
                bar.update(task, completed=progress.step, total=progress.steps, epoch=progress.epoch + 1)
                if progress.record is not None:
                    recorder.add(progress.record)
                    console.print(_line(progress.record, settings.epochs))
        if stopped and (last is None or last.step < last.steps):
            command = shlex.join(["masa-pretrain", "--resume", str(folder.path)])
            console.print(f"Stopped and saved. Go on with: {command}")
            sys.exit(EXIT_TERMINATED)


def _line(record: dict[str, float], epochs: int) -> str:
    text = (
        f"epoch {record['epoch'] + 1:.0f}/{epochs}: motion loss {record['motion_loss']:.4f}, alignment loss "
        f"{record['alignment_loss']:.3f} ({record['contrastive_accuracy']:.0%} right), "
        f"{record['masked_share']:.0%} masked, {record['clips_per_second']:,.0f} clips/s"
    )
    if record["masked_share"] < _FEW_MASKED:
        text += (
            f" — few frames are masked, and {record['clips_without_candidate']:.0%} of the clips have no "
            "frame that moves: is the confidence low? Look with masa-inspect, or lower masking.share"
        )
    return text


def _new_folder(path: Path | None, first: bool, wait) -> RunFolder:  # type: ignore[no-untyped-def]  # noqa: ANN001
    from masa_model.training.run_folder import RunFolder

    folder = RunFolder.create("pretrain", path) if first else None
    wait()
    return folder or (RunFolder(path) if path else RunFolder.newest("pretrain"))


@contextmanager
def stop_on_signals() -> Iterator[list[int]]:
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


if __name__ == "__main__":
    main()

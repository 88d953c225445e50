"""masa-finetune: from pre-trained features to a recogniser."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from masa_data.errors import DataError
from masa_data.version import VERSION

from .console import CONTEXT, EXIT_TERMINATED, errors_in_one_line, make_console
from .pretrain import stop_on_signals

if TYPE_CHECKING:
    import torch

    from masa_model.finetune_settings import FinetuneSettings
    from masa_model.training.labelled import FinetuneData
    from masa_model.training.run_folder import RunFolder

_EXAMPLES = """
\b
Examples:
  masa-finetune out.h5 --subset wlasl100              from the newest run of masa-pretrain
  masa-finetune out.h5 --from runs/pretrain-002       from this one
  masa-finetune out.h5 --from scratch --size small    without pre-training
  masa-finetune out.h5 --recipe tuned --shots 5       five clips a class, the recipe for small data
  masa-finetune out.h5 --freeze                       a linear probe
  masa-finetune --resume runs/finetune-001            go on with a run that was stopped
"""
_SCRATCH = "scratch"


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--subset", help="wlasl100, msasl500, …: only these labels [default: all].")
@click.option(
    "--from",
    "origin",
    metavar="RUN|scratch",
    help="A run of masa-pretrain, or one of its checkpoints [default: the newest run].",
)
@click.option(
    "--recipe", type=click.Choice(["paper", "tuned"]), help="[default: paper; tuned is for small data]"
)
@click.option("--size", type=click.Choice(["base", "small", "tiny"]), help="With --from scratch.")
@click.option("--freeze", is_flag=True, default=None, help="The encoder stays as it is; the head learns.")
@click.option("--shots", type=click.IntRange(min=1), help="So many clips a class [default: all].")
@click.option("--epochs", type=click.IntRange(min=1), help="[default: 60]")
@click.option("--batch-size", type=click.IntRange(min=1), help="[default: 64]")
@click.option("--seed", type=click.IntRange(min=0), help="[default: 0]")
@click.option(
    "--train-split",
    metavar="SPLITS",
    help="Learn from clips of these splits: train, train+val, none (= without a split) [default: train].",
)
@click.option("--class-weights", type=click.Choice(["none", "balanced"]), help="[default: none]")
@click.option("--label-smoothing", type=click.FloatRange(0, 1, max_open=True), help="[default: by recipe]")
@click.option("--hand-swap", type=click.FloatRange(0, 1), help="Chance that a clip is mirrored [default: 0].")
@click.option("--config", type=click.Path(path_type=Path), help="A TOML file of settings.")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="One setting; may be repeated."
)
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="Folder [default: runs/finetune-NNN]."
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 …")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.version_option(VERSION)
def main(
    files: tuple[Path, ...],
    config: Path | None,
    assignments: tuple[str, ...],
    run_path: Path | None,
    resume: Path | None,
    device: str,
    quiet: bool,
    **options: object,
) -> None:
    """Train a recogniser on labelled clips of one or several files."""
    with errors_in_one_line("masa-finetune"):
        from masa_model.finetune import check_estimators
        from masa_model.finetune_settings import FinetuneSettings
        from masa_model.training.config import resolve_settings
        from masa_model.training.labelled import open_finetune_data
        from masa_model.training.processes import joined_processes
        from masa_model.training.run_folder import RunFolder

        if resume is not None:
            said = assignments or config or run_path or any(value is not None for value in options.values())
            if said:
                raise DataError(
                    "--resume goes on with the settings of the run", "Leave the other options out"
                )
            folder = RunFolder(resume)
            files = files or tuple(Path(file) for file in folder.read_json("data.json")["files"])
            settings = resolve_settings(FinetuneSettings, config=resume / "settings.toml")
        else:
            if not files:
                raise DataError("no file was named", "As in: masa-finetune out.h5")
            settings = _settings(config, assignments, options)
        with joined_processes(device) as processes:
            if processes.count > 1:
                raise DataError(
                    f"found {processes.count} processes, expected one: fine-tuning runs in one",
                    "Start it without torchrun",
                )
            console = make_console(quiet=quiet)
            data = open_finetune_data(files, settings.data, settings.seed)
            if resume is None:
                check_estimators(settings, data)  # before there is a folder
                folder = RunFolder.create("finetune", run_path)
                folder.write_settings(settings)
                folder.write_json("data.json", data.record())
            elif folder.read_json("data.json")["fingerprints"] != data.record()["fingerprints"]:
                raise DataError(f"the files are not those {resume} was trained on", "Name the same files")
            _print_start(console, settings, data, folder, processes.device)
            _train(console, settings, data, folder, processes.device, resume=resume is not None)
            command = shlex.join(["masa-eval", "--run", str(folder.path), "--split", "test"])
            console.print(f"Wrote {folder.path}. Next: {command}")


def _settings(
    config: Path | None, assignments: tuple[str, ...], options: dict[str, object]
) -> FinetuneSettings:
    from masa_model.finetune import with_pretrained
    from masa_model.finetune_settings import FinetuneSettings
    from masa_model.training.config import resolve_settings
    from masa_model.training.run_folder import RunFolder

    values = dict(options)
    origin, subset, shots = values.pop("origin"), values.pop("subset"), values.pop("shots")
    splits, hand_swap = values.pop("train_split"), values.pop("hand_swap")
    data = {"subset": subset, "shots": shots, "train": str(splits).split("+") if splits else None}
    values["data"] = {name: value for name, value in data.items() if value is not None} or None
    values["augment"] = None if hand_swap is None else {"hand_swap": hand_swap}
    settings = resolve_settings(FinetuneSettings, config=config, assignments=assignments, options=values)
    if origin == _SCRATCH:
        return settings
    if origin is None and settings.pretrained is not None:
        return with_pretrained(settings, Path(settings.pretrained))
    try:
        run = RunFolder.newest("pretrain").path if origin is None else Path(str(origin))
    except DataError as error:
        raise DataError(error.reason, f"{error.advice}, or say --from scratch") from None
    return with_pretrained(settings, RunFolder(run).last if run.is_dir() else run)


def _print_start(
    console: Console,
    settings: FinetuneSettings,
    data: FinetuneData,
    folder: RunFolder,
    device: torch.device,
) -> None:
    origin = settings.pretrained or "scratch"
    frozen = ", frozen" if settings.freeze else ""
    console.print(
        f"{len(data.train):,} clips of {len(data.classes):,} glosses to learn from; {len(data.val):,} of val "
        + ("choose the epoch" if len(data.val) else "— the last epoch is kept")
    )
    console.print(
        f"Run: {folder.path} · {settings.size} from {origin}{frozen} · {settings.recipe} · {device}"
    )


def _train(
    console: Console,
    settings: FinetuneSettings,
    data: FinetuneData,
    folder: RunFolder,
    device: torch.device,
    *,
    resume: bool,
) -> None:
    from masa_model.finetune import finetune

    with stop_on_signals() as stopped:
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
        last = None
        with bar:
            task = bar.add_task("", total=None, epoch=1)
            for progress in finetune(
                settings, data, folder, device, resume=resume, stop=lambda: bool(stopped)
            ):
                last = progress
                bar.update(task, completed=progress.step, total=progress.steps, epoch=progress.epoch + 1)
                if progress.record is not None:
                    console.print(_line(progress.record, settings.epochs))
        if stopped and (last is None or last.step < last.steps):
            command = shlex.join(["masa-finetune", "--resume", str(folder.path)])
            console.print(f"Stopped and saved. Go on with: {command}")
            sys.exit(EXIT_TERMINATED)


def _line(record: dict[str, float], epochs: int) -> str:
    text = (
        f"epoch {record['epoch'] + 1:.0f}/{epochs}: loss {record['loss']:.3f}, {record['accuracy']:.1%} right"
    )
    if "val_accuracy" in record:
        best = " (best)" if record["best_epoch"] == record["epoch"] else ""
        text += f"; val {record['val_accuracy']:.1%}{best}"
    return text


if __name__ == "__main__":
    main()

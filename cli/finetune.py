"""masa-finetune: train a recognizer from a pre-trained network."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console
from .settings_list import list_settings_option
from .training_pace import Pace, speed
from .training_run import (
    files_to_train_on,
    newest_run,
    run_options,
    run_to_resume,
    say_how_it_goes_on,
    show_training,
)

if TYPE_CHECKING:
    from masa_model.runs.finetuning import Finetuning
    from masa_model.settings.finetune import FinetuneSettings

_EXAMPLES = """
\b
Examples:
  masa-finetune out.h5 --subset wlasl100              from the newest run of masa-pretrain
  masa-finetune out.h5 --from runs/pretrain-002       from this run
  masa-finetune out.h5 --from scratch --size small    without pre-training
  masa-finetune out.h5 --recipe tuned --shots 5       five clips per class, the recipe for small data
  masa-finetune out.h5 --freeze                       a linear probe
  masa-finetune --resume runs/finetune-001            continue a run that was stopped
  masa-finetune --resume runs/finetune-001 --epochs 90    continue and train longer
"""
_SCRATCH = "scratch"


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--subset", help="Train only on the classes of this subset: wlasl100, msasl500, … [default: all classes]."
)
@click.option(
    "--from",
    "origin",
    metavar="RUN|scratch",
    help="A run folder of masa-pretrain, or one of its checkpoints [default: the newest run].",
)
@click.option(
    "--recipe",
    type=click.Choice(["paper", "tuned"]),
    help="The training recipe; tuned is for small data [default: paper].",
)
@click.option(
    "--size", type=click.Choice(["base", "small", "tiny"]), help="Network size; only with --from scratch."
)
@click.option(
    "--freeze", is_flag=True, default=None, help="Train only the head; the encoder does not change."
)
@click.option(
    "--shots", type=click.IntRange(min=1), help="Use this number of training clips per class [default: all]."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Number of epochs [default: 60].")
@click.option("--batch-size", type=click.IntRange(min=1), help="Clips per step [default: 64].")
@click.option("--seed", type=click.IntRange(min=0), help="Random seed [default: 0].")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="Number format in training [default: auto = bf16 on a GPU that supports it, else fp32].",
)
@click.option(
    "--train-split",
    metavar="SPLITS",
    help="Train on clips of these splits: train, train+val, none (= clips without a split) [default: train].",
)
@click.option(
    "--class-weights",
    type=click.Choice(["none", "balanced"]),
    help="balanced: rare classes get as much total weight as frequent ones [default: none].",
)
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of each label that is spread over all classes [default: depends on the recipe].",
)
@click.option(
    "--hand-swap",
    type=click.FloatRange(0, 1),
    help="Probability that a training clip is mirrored [default: 0].",
)
@click.option(
    "--any-estimator",
    is_flag=True,
    default=None,
    help="Use the files even if their estimators differ from each other or from that of pre-training.",
)
@run_options("finetune")
@list_settings_option("finetune")
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
    epochs: int | None,
    **options: object,
) -> None:
    """Train a recognizer on labeled clips of one or several files."""
    with errors_in_one_line("masa-finetune"):
        from masa_model.runs.beginning import held_by
        from masa_model.runs.finetuning import Finetuning
        from masa_model.training.processes import joined_processes

        if resume is not None:
            folder = run_to_resume(resume, (*options.values(), assignments, config, run_path))
        else:
            files = files_to_train_on(files, "masa-finetune")
            settings = _settings(config, assignments, {**options, "epochs": epochs})
        with joined_processes(device) as processes:
            console = make_console(quiet=quiet)
            if resume is not None:
                job = Finetuning.resumed(folder, processes, files, epochs)
            else:
                job = Finetuning.new(files, settings, processes, run_path)
            with held_by(job.folder, processes) as note:
                if note:
                    console.print(note)
                if job.before is not None:
                    say_how_it_goes_on(console, "masa-finetune", job.folder, job.settings, job.before)
                _print_start(console, job, processes.described)
                _train(console, job)
            command = shlex.join(["masa-eval", "--run", str(job.folder.path), "--split", "test"])
            console.print(f"Wrote {job.folder.path}. Next: {command}")


def _settings(
    config: Path | None, assignments: tuple[str, ...], options: dict[str, object]
) -> FinetuneSettings:
    from masa_model.settings.finetune import FinetuneSettings
    from masa_model.settings.resolve import check_effects, resolve_settings, said_values, settings_said
    from masa_model.training.pretrained import with_pretrained

    values = dict(options)
    origin, subset, shots = values.pop("origin"), values.pop("subset"), values.pop("shots")
    splits, hand_swap = values.pop("train_split"), values.pop("hand_swap")
    data = {
        "subset": subset,
        "shots": shots,
        "train": str(splits).split("+") if splits else None,
        "any_estimator": values.pop("any_estimator"),
    }
    values["data"] = {name: value for name, value in data.items() if value is not None} or None
    values["augment"] = None if hand_swap is None else {"hand_swap": hand_swap}
    said = said_values(assignments, values)
    if origin is not None and "pretrained" in said:
        raise DataError(
            "found both --from and --set pretrained, which mean the same", "Leave one of them out"
        )
    settings = resolve_settings(FinetuneSettings, config=config, assignments=assignments, options=values)
    if origin == _SCRATCH:
        settings = settings.model_copy(update={"pretrained": None})
    else:
        if origin is None and settings.pretrained is not None:
            checkpoint = Path(settings.pretrained)
        else:
            checkpoint = _checkpoint(origin)
        settings = with_pretrained(settings, checkpoint, settings_said(config, assignments, values))
    check_effects(settings, said)
    return settings


def _checkpoint(origin: object) -> Path:
    """The last checkpoint of the run that --from names, or of the newest run."""
    from masa_model.training.run_folder import RunFolder

    try:
        run = newest_run(make_console(stderr=True), "pretrain").path if origin is None else Path(str(origin))
    except DataError as error:
        raise error.followed_by(", or use --from scratch") from None
    return RunFolder(run).last if run.is_dir() else run


def _print_start(console: Console, job: Finetuning, device: str) -> None:
    settings, data = job.settings, job.data
    for note in data.train.clips.class_notes():
        console.print(f"note: {note}")
    origin = settings.pretrained or "scratch"
    frozen = ", frozen" if settings.freeze else ""
    console.print(
        f"{counted(len(data.train), 'training clip')} of {counted(len(data.classes), 'gloss', 'glosses')}; "
        + counted(len(data.val), "val clip")
        + (": the best epoch on val is kept" if len(data.val) else ": the last epoch is kept")
    )
    console.print(
        f"Run: {job.folder.path} · {settings.size} from {origin}{frozen} · {settings.recipe} · {device}"
    )
    if settings.precision != "fp32":
        console.print(f"Precision: {settings.precision}")


def _train(console: Console, job: Finetuning) -> None:
    def after_epoch(record: dict[str, float], left: str) -> None:
        text = _line(record, job.settings.epochs)
        console.print(f"{text}; {speed(record['clips_per_second'])}{left}")

    pace = Pace(min(job.settings.batch_size, len(job.data.train)))
    show_training(console, "masa-finetune", job.folder, job.train, after_epoch, pace)
    for left_out in job.left_out:
        console.print(left_out)


def _line(record: dict[str, float], epochs: int) -> str:
    text = f"epoch {record['epoch'] + 1:.0f}/{epochs}: loss {record['loss']:.3f}, "
    text += f"accuracy {record['accuracy']:.1%}"
    if "val_accuracy" in record:
        best = " (best)" if record["best_epoch"] == record["epoch"] else ""
        text += f"; val {record['val_accuracy']:.1%}{best}"
    return text


if __name__ == "__main__":
    main()

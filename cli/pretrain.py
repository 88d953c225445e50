"""masa-pretrain: self-supervised pre-training of MASA."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console
from .leaks import print_leaks
from .settings_list import list_settings_option
from .training_pace import Pace, speed
from .training_run import (
    files_to_train_on,
    run_options,
    run_to_resume,
    say_how_it_goes_on,
    show_training,
)

if TYPE_CHECKING:
    from masa_model.runs.pretraining import Pretraining
    from masa_model.settings.pretrain import PretrainSettings
    from masa_model.training.profiling import Profile
    from masa_model.training.progress import Progress as RunProgress

_EXAMPLES = """
\b
Examples:
  masa-pretrain out.h5                                 network and recipe of the paper
  masa-pretrain out.h5 --size tiny                     a small network, minutes on a laptop
  masa-pretrain wlasl.h5 slr500.h5 --epochs 200        several files, a shorter run
  masa-pretrain out.h5 --set motion.interval=5 --set masking.strategy=random
  masa-pretrain out.h5 --profile 10                    also show where the time of ten steps goes
  masa-pretrain --resume runs/pretrain-001             continue a run that was stopped
  masa-pretrain --resume runs/pretrain-001 --epochs 30 continue and train longer
  torchrun --nproc-per-node 4 -m masa_cli.pretrain out.h5 --run-folder runs/mine
"""

# With a smaller share of masked frames (relative to masking.ratio), there is hardly anything to learn from.
_FEW_CANDIDATES = 0.1


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--size", type=click.Choice(["base", "small", "tiny"]), help="Network and recipe [default: base]."
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Number of epochs [default: base 400, small 200, tiny 10]."
)
@click.option(
    "--batch-size",
    callback=lambda context, option, value: _clips(value),
    metavar="N",
    help="Clips per step in all processes together [default: auto = up to 512 for base, up to 64 for the "
    "others; fewer for few clips or little memory].",
)
@click.option(
    "--mix",
    metavar="SHARES",
    help="Clips of each corpus in an epoch, relative to the others: wlasl=1,autsl=0.5, or temperature=2 "
    "[default: each clip once].",
)
@click.option("--seed", type=click.IntRange(min=0), help="Random seed [default: 0].")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "val", "test", "none"]),
    help="Train on clips of this split; none = clips without a split. May be repeated [default: train and "
    "none].",
)
@click.option(
    "--any-estimator",
    is_flag=True,
    default=None,
    help="Use the files even if their estimators differ.",
)
@run_options("pretrain")
@list_settings_option("pretrain")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="Number format in training [default: auto = bf16 on a GPU that supports it, else fp32].",
)
@click.option(
    "--probe-every", type=click.IntRange(min=0), metavar="N", help="Run a probe on val every N epochs."
)
@click.option(
    "--profile",
    "profile_steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Profile N steps: print the most expensive operations and write a trace to the run folder.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.version_option(VERSION)
def main(
    files: tuple[Path, ...],
    splits: tuple[str, ...],
    any_estimator: bool | None,
    mix: str | None,
    config: Path | None,
    assignments: tuple[str, ...],
    run_path: Path | None,
    resume: Path | None,
    device: str,
    quiet: bool,
    epochs: int | None,
    profile_steps: int | None,
    **options: object,
) -> None:
    """Pre-train MASA on the clips of one or several files. Labels are not used."""
    with errors_in_one_line("masa-pretrain"):
        from masa_model.settings.pretrain import PretrainSettings
        from masa_model.settings.resolve import check_effects, resolve_settings, said_values

        if resume is not None:
            said = (*options.values(), any_estimator, mix, assignments, config, run_path, splits)
            folder = run_to_resume(resume, said)
        else:
            files = files_to_train_on(files, "masa-pretrain")
            data_options = {"splits": splits or None, "any_estimator": any_estimator, "mix": mix}
            said_of_data = {name: value for name, value in data_options.items() if value is not None}
            values = {**options, "epochs": epochs, "data": said_of_data or None}
            settings = resolve_settings(
                PretrainSettings, config=config, assignments=assignments, options=values
            )
            check_effects(settings, said_values(assignments, values))
        # Imported after the settings were read, because wrong ones are told seconds earlier without torch.
        from masa_model.runs.beginning import held_by
        from masa_model.runs.pretraining import Pretraining
        from masa_model.training.processes import joined_processes

        with joined_processes(device) as processes:
            console = make_console(quiet=quiet or not processes.first)
            if resume is not None:
                job = Pretraining.resumed(folder, processes, files, epochs)
            else:
                job = Pretraining.new(files, settings, processes, run_path)
            with held_by(job.folder, processes) as note:
                if note:
                    console.print(note)
                _print_start(console, job)
                if resume is None and processes.first:
                    print_leaks(console, job.data.clips)
                _train(console, job, profile_steps or 0)
            if processes.first:
                named = map(str, files or job.folder.files())
                command = shlex.join(["masa-probe", "--run", str(job.folder.path), *named])
                console.print(f"Wrote {job.folder.last}. Next: {command}")


def _clips(value: str | None) -> int | str | None:
    if value is None or value == "auto":
        return value
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"found {value!r}, expected a number from 1, or auto")


def _print_start(console: Console, job: Pretraining) -> None:
    from masa_model.inputs.mixing import mixture_of

    settings, data = job.settings, job.data
    mixture = mixture_of(data.clips, settings.data.mix)
    table = Table(box=None, pad_edge=False)
    for heading in ("corpus", "split", "used", "available"):
        table.add_column(heading, justify="right" if heading in ("used", "available") else "left")
    for (corpus, split), (used, there) in data.counts.items():
        table.add_row(corpus, split or "none", f"{used:,}", f"{there:,}")
    console.print(table)
    if mixture is not None:
        parts = ", ".join(
            f"{name} {count:,} ({count / len(mixture):.0%}) of {len(mixture.members[name]):,}"
            for name, count in mixture.counts.items()
        )
        console.print(f"Clips in an epoch: {parts}")
    if data.clips.column("split").tolist().count("test"):
        console.print(
            "Clips of split test are used for training: masa-eval will refuse to evaluate on these clips."
        )
    bank = min(settings.alignment.bank_size, max(1, len(data.clips) // 2))
    if bank < settings.alignment.bank_size and settings.alignment.weight > 0:
        console.print(f"The memory bank has {bank:,} keys: half of the {counted(len(data.clips), 'clip')}.")
    if job.before is not None:
        say_how_it_goes_on(console, "masa-pretrain", job.folder, settings, job.before)
    many = counted(job.processes.count, "process", "processes")
    console.print(f"Run: {job.folder.path} · {job.processes.described}, {many}")
    if job.batch_reason:
        clips = counted(int(settings.batch_size), "clip")
        console.print(f"Batch: {clips} in each step ({job.batch_reason}). Other numbers: --batch-size N")
    if settings.precision != "fp32":
        console.print(f"Precision: {settings.precision}")


def _train(console: Console, job: Pretraining, profile_steps: int) -> None:
    settings = job.settings

    def train(stop: Callable[[], bool]) -> Iterator[RunProgress]:
        return job.train(stop, profile_steps, lambda profile: _print_profile(console, profile))

    def after_epoch(record: dict[str, float], left: str) -> None:
        console.print(_line(record, settings, left))

    clips = min(int(settings.batch_size), len(job.data.clips))
    pace = Pace(clips, _slow(settings, job.processes.device.type))
    show_training(console, "masa-pretrain", job.folder, train, after_epoch, pace)
    for left_out in job.left_out:
        console.print(left_out)


def _print_profile(console: Console, profile: Profile) -> None:
    console.print(
        f"{counted(profile.steps, 'step')} profiled: {1000 * profile.seconds:,.1f} ms for each step, "
        f"{profile.waiting:.1%} of it waiting for the next batch."
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("most expensive operations", "ms for each step", "calls"):
        table.add_column(heading, justify="left" if heading.startswith("most") else "right")
    for name, seconds, calls in profile.operations:
        table.add_row(name, f"{1000 * seconds:,.2f}", f"{calls:,.0f}")
    console.print(table)
    console.print(f"Wrote {profile.trace}: open it with https://ui.perfetto.dev.")


def _slow(settings: PretrainSettings, device: str) -> str:
    """The hint to print if a run will take days."""
    if device != "cpu" or settings.size == "tiny":
        return ""
    return (
        f"The {settings.size} network is made for GPUs. Use --size tiny on a CPU; it takes minutes to hours. "
        "Ctrl-C saves a checkpoint and stops."
    )


def _line(record: dict[str, float], settings: PretrainSettings, left: str) -> str:
    from masa_model.inputs.masking import how_to_mask_more

    text = (
        f"epoch {record['epoch'] + 1:.0f}/{settings.epochs}: motion loss {record['motion_loss']:.4f}, "
        f"alignment loss {record['alignment_loss']:.3f} (accuracy {record['contrastive_accuracy']:.0%}), "
        f"{record['masked_share']:.0%} masked, {speed(record['clips_per_second'])}{left}"
    )
    if "val_neighbor_1" in record:
        text += f"; probe on val {record['val_neighbor_1']:.1%} with 1 clip per class"
        text += f", {record['val_linear_all']:.1%} with all clips"
    if record["masked_share"] < _FEW_CANDIDATES * settings.masking.ratio:
        text += (
            f". Few frames are masked; {record['clips_without_candidate']:.0%} of the clips have no frame "
            f"with enough motion: {how_to_mask_more(settings.masking)}"
        )
    return text


if __name__ == "__main__":
    main()

"""masa-pretrain: MASA's self-supervised pre-training."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from masa_data.shards.dataset import PoseDataset
from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console
from .training_pace import Pace, speed
from .training_run import (
    check_same_files,
    files_to_train_on,
    folder_held,
    lengthened,
    new_folder,
    run_options,
    run_to_resume,
    say_how_it_goes_on,
    show_training,
)

if TYPE_CHECKING:
    from masa_model.network.masa import MASA
    from masa_model.settings.pretrain import PretrainSettings
    from masa_model.training.data import TrainingData
    from masa_model.training.processes import Processes
    from masa_model.training.progress import Progress
    from masa_model.training.run_folder import RunFolder

_EXAMPLES = """
\b
Examples:
  masa-pretrain out.h5                                 the paper's network and recipe
  masa-pretrain out.h5 --size tiny                     minutes on a laptop
  masa-pretrain wlasl.h5 slr500.h5 --epochs 200        several files, a shorter run
  masa-pretrain out.h5 --set motion.interval=5 --set masking.strategy=random
  masa-pretrain --resume runs/pretrain-001             go on with a run that was stopped
  masa-pretrain --resume runs/pretrain-001 --epochs 30 and make it longer
  torchrun --nproc-per-node 4 -m masa_cli.pretrain out.h5 --run-folder runs/mine
"""

# Fewer candidates than this share of the frames, and there is hardly anything to learn from.
_FEW_CANDIDATES = 0.1


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--size", type=click.Choice(["base", "small", "tiny"]), help="Network and recipe [default: base]."
)
@click.option("--epochs", type=click.IntRange(min=1), help="[default: base 400, small 200, tiny 10]")
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
@click.option(
    "--any-estimator",
    is_flag=True,
    default=None,
    help="Take files of different estimators all the same.",
)
@run_options("pretrain")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    help="[default: auto = bf16 on a GPU that has it, else fp32]",
)
@click.option("--probe-every", type=click.IntRange(min=0), metavar="N", help="Probe every N epochs.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.version_option(VERSION)
def main(
    files: tuple[Path, ...],
    splits: tuple[str, ...],
    any_estimator: bool | None,
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
        from masa_model.settings.pretrain import PretrainSettings
        from masa_model.settings.resolve import check_effects, resolve_settings, said_values
        from masa_model.training.precision import settle_precision
        from masa_model.training.processes import joined_processes

        if resume is not None:
            epochs = options.pop("epochs")
            said = (*options.values(), any_estimator, assignments, config, run_path, splits)
            folder, files = run_to_resume(resume, files, said)
            before = folder.read_settings(PretrainSettings)
            settings = lengthened(before, epochs, folder)
        else:
            files = files_to_train_on(files, "masa-pretrain")
            data_options = {"splits": splits or None, "any_estimator": any_estimator}
            said_of_data = {name: value for name, value in data_options.items() if value is not None}
            values = {**options, "data": said_of_data or None}
            settings = resolve_settings(
                PretrainSettings, config=config, assignments=assignments, options=values
            )
            check_effects(settings, said_values(assignments, values))
        with joined_processes(device) as processes:
            console = make_console(quiet=quiet or not processes.first)
            data = _opened(console, files, settings)
            if resume is not None:
                check_same_files(folder, data.record())
            else:
                settings = settle_precision(settings, processes.device)
                folder = new_folder("pretrain", run_path, processes)
            with folder_held(console, folder, processes):
                if resume is not None:
                    say_how_it_goes_on(console, "masa-pretrain", folder, settings, before)
                if processes.first and (resume is None or settings != before):
                    folder.begin(settings, data.record(), again=resume is not None)
                many = counted(processes.count, "process", "processes")
                console.print(f"Run: {folder.path} · {processes.described}, {many}")
                if settings.precision != "fp32":
                    console.print(f"Precision: {settings.precision}")
                _train(console, settings, data, folder, processes, resume=resume is not None)
            if processes.first:
                command = shlex.join(["masa-probe", str(folder.path), *map(str, files)])
                console.print(f"Wrote {folder.last}. Next: {command}")


def _opened(console: Console, files: tuple[Path, ...], settings: PretrainSettings) -> TrainingData:
    from masa_model.training.data import open_training_data

    chosen = settings.data
    data = open_training_data(
        files, chosen.splits, chosen.ratio, settings.seed, any_estimator=chosen.any_estimator
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("corpus", "split", "used", "there"):
        table.add_column(heading, justify="right" if heading in ("used", "there") else "left")
    for (corpus, split), (used, there) in data.counts.items():
        table.add_row(corpus, split or "none", f"{used:,}", f"{there:,}")
    console.print(table)
    if data.clips.column("split").tolist().count("test"):
        console.print("Clips of test are among them: masa-eval will refuse to count these.")
    bank = min(settings.alignment.bank_size, max(1, len(data.clips) // 2))
    if bank < settings.alignment.bank_size and settings.alignment.weight > 0:
        console.print(f"The memory bank holds {bank:,} keys: half of the {counted(len(data.clips), 'clip')}.")
    return data


def _train(
    console: Console,
    settings: PretrainSettings,
    data: TrainingData,
    folder: RunFolder,
    processes: Processes,
    *,
    resume: bool,
) -> None:
    from masa_model.pictures.curves import pretraining_curves
    from masa_model.pictures.recorder import Recorder
    from masa_model.pictures.run_pictures import draw_pretraining
    from masa_model.training.pretrain import pretrain

    def begin(stop: Callable[[], bool]) -> Iterator[Progress]:
        ask = _prober(settings, data, processes)
        return pretrain(settings, data, folder, processes, resume=resume, stop=stop, after_epoch=ask)

    with Recorder(folder, pretraining_curves, enabled=processes.first) as recorder:

        def after_epoch(record: dict[str, float], left: str) -> None:
            recorder.add(record)
            console.print(_line(record, settings, left))

        clips = min(settings.batch_size * processes.count, len(data.clips))
        pace = Pace(clips, _slow(settings, processes.device.type))
        show_training(console, "masa-pretrain", folder, begin, after_epoch, pace)
        if processes.first:
            for left_out in draw_pretraining(recorder, folder, data.clips, processes.device):
                console.print(left_out)


def _prober(
    settings: PretrainSettings, data: TrainingData, processes: Processes
) -> Callable[[MASA, int], dict[str, float]]:
    """What is asked after every epoch: nothing, or every N epochs how good the features are by now."""
    if not settings.probe_every:
        return lambda model, epochs: {}
    from masa_model.evaluation.probe import frozen_copy, probe, shared_labels
    from masa_model.network.calibration import calibrate_encoder

    paths = [tracks.path for tracks in data.clips.files]
    any_estimator = settings.data.any_estimator
    train, val = (
        PoseDataset.open(*paths, splits=[split], any_estimator=any_estimator) for split in ("train", "val")
    )
    shared_labels(train, val)  # better now than after N epochs

    def ask(model: MASA, epochs: int) -> dict[str, float]:
        if epochs % settings.probe_every or not processes.first:
            return {}
        encoder = frozen_copy(model.query.encoder)
        calibrate_encoder(encoder, train, settings.inputs, processes.device)
        return probe(encoder, train, val, settings.inputs, processes.device).means("val_")

    return ask


def _slow(settings: PretrainSettings, device: str) -> str:
    """What to say of a run that takes days."""
    if device != "cpu" or settings.size == "tiny":
        return ""
    return (
        f"The {settings.size} network is made for GPUs; --size tiny takes minutes to hours on a CPU. "
        "Ctrl-C saves and stops."
    )


def _line(record: dict[str, float], settings: PretrainSettings, left: str) -> str:
    from masa_model.inputs.masking import how_to_mask_more

    text = (
        f"epoch {record['epoch'] + 1:.0f}/{settings.epochs}: motion loss {record['motion_loss']:.4f}, "
        f"alignment loss {record['alignment_loss']:.3f} ({record['contrastive_accuracy']:.0%} right), "
        f"{record['masked_share']:.0%} masked, {speed(record['clips_per_second'])}{left}"
    )
    if "val_neighbour_1" in record:
        text += f"; on val {record['val_neighbour_1']:.1%} with 1 clip a class"
        text += f", {record['val_linear_all']:.1%} with all"
    if record["masked_share"] < _FEW_CANDIDATES * settings.masking.ratio:
        text += (
            f" — few frames are masked, and {record['clips_without_candidate']:.0%} of the clips have no "
            f"frame that moves enough: {how_to_mask_more(settings.masking)}"
        )
    return text


if __name__ == "__main__":
    main()

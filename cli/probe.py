"""masa-probe: measure the quality of the frozen features of a pre-trained encoder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from masa_data.shards.dataset import PoseDataset
from masa_data.shards.joining import check_estimator
from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console, note_old_spelling, print_json
from .training_run import newest_run

if TYPE_CHECKING:
    from masa_model.evaluation.probe import ProbeResult
    from masa_model.training.checkpoint import Checkpoint

_EXAMPLES = """
\b
Examples:
  masa-probe                                   the newest run of masa-pretrain, on its own files
  masa-probe --run runs/pretrain-001           another run
  masa-probe --run runs/pretrain-001 other.h5  on other files
  masa-probe --run runs/pretrain-001/checkpoints/epoch-0010.safetensors
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("files", metavar="[OUT.h5]...", nargs=-1, type=click.Path(path_type=Path))
# torchrun reads --run as an abbreviation of one of its own options, even after the name of the script.
@click.option(
    "--run",
    "--run-folder",
    "run_path",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A run folder of masa-pretrain, or one of its checkpoints [default: the newest run].",
)
@click.option("--device", default="auto", show_default=True, help="Device: auto, cpu, cuda, cuda:1, …")
@click.option(
    "--any-estimator", is_flag=True, help="Use the files even if their estimator is not that of the run."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.version_option(VERSION)
def main(
    files: tuple[Path, ...],
    run_path: Path | None,
    device: str,
    any_estimator: bool,
    as_json: bool,
) -> None:
    """Train classifiers on frozen features of split train, and measure their accuracy on val.

    Split test is never used. For comparison, the same is done with the untrained network. The motion loss on
    val is compared with three predictions that need no training.
    """
    with errors_in_one_line("masa-probe"):
        from masa_model.evaluation.motion_quality import motion_losses
        from masa_model.network.calibration import calibrate_encoder
        from masa_model.training.pretrained import load_pretrained
        from masa_model.training.processes import joined_processes
        from masa_model.training.run_folder import RunFolder

        console = make_console()
        if run_path is None and files and _is_run(files[0]):
            note_old_spelling(f"the run {files[0]}", f"--run {files[0]}")
            run_path, *others = files
            files = tuple(others)
        checkpoint = run_path if run_path is not None and run_path.is_file() else None
        folder = (
            RunFolder(checkpoint.parents[1] if checkpoint else run_path)
            if run_path
            else newest_run(make_console(stderr=True), "pretrain")
        )
        files = files or folder.files()
        # Imported after the run was found, because a wrong one is told seconds earlier without scikit-learn.
        from masa_model.evaluation.probe import probe, untrained_encoder

        with joined_processes(device) as processes:
            device = processes.described
            model, settings, loaded = load_pretrained(checkpoint or folder.last)
            model.to(processes.device)
            any_estimator = any_estimator or settings.data.any_estimator
            train, val = (
                PoseDataset.open(*files, splits=[split], any_estimator=any_estimator)
                for split in ("train", "val")
            )
            if not any_estimator:
                check_estimator(loaded.path, loaded.header.estimator, train.estimator, "any_estimator")
            seen = _seen(loaded, val)
            # Both encoders are calibrated in the same way, whatever statistics the checkpoint contains.
            calibrate_encoder(model.query.encoder, train, settings.inputs, processes.device)
            trained = probe(model.query.encoder, train, val, settings.inputs, processes.device)
            encoder = untrained_encoder(settings, train, processes.device, settings.seed)
            untrained = probe(encoder, train, val, settings.inputs, processes.device)
            losses: Mapping[str, float] = {}
            if settings.motion.objective == "motion" and settings.motion.weight > 0:
                losses = motion_losses(model, val, settings, processes.device, settings.seed)
        if as_json:
            facts = {
                "checkpoint": str(loaded.path),
                "step": loaded.header.step,
                "device": device,
                "trained": trained.means(),
                "untrained": untrained.means(),
                "motion_loss": losses,
                "val_clips_seen_in_pretraining": seen,
            }
            print_json(console, facts)
            return
        console.print(
            f"{loaded.path}: step {loaded.header.step:,} of {loaded.header.steps:,}; "
            f"{counted(trained.clips, 'val clip')}, {counted(trained.classes, 'class', 'classes')}; "
            "top-1 accuracy"
        )
        console.print(f"Computed on {device}")
        if seen:
            console.print(f"note: this pre-training also used {counted(seen, 'val clip')}")
        for note in train.class_notes():
            console.print(f"note: {note}")
        console.print(_accuracies(trained, untrained))
        if losses:
            console.print(_motion(losses))
        _print_next(console, files)


def _is_run(path: Path) -> bool:
    """Whether a path is a run or a checkpoint, not a file of pose tracks; in version 0.1 it came first."""
    return path.is_dir() or path.suffix == ".safetensors"


def _seen(checkpoint: Checkpoint, val: PoseDataset) -> int | None:
    """The number of val clips that pre-training used; None if an earlier version wrote the checkpoint."""
    from masa_model.training.checkpoint import TRAINED_ON
    from masa_model.training.content import seen_before

    keys = checkpoint.progress.get(TRAINED_ON)
    return None if keys is None else int(seen_before(val, keys.numpy()).sum())


def _accuracies(trained: ProbeResult, untrained: ProbeResult) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("clips per class", "classifier", "this run", "untrained", "gap closed"):
        table.add_column(heading, justify="left" if heading == "classifier" else "right")
    for name in ("neighbor", "linear"):
        ours, theirs = getattr(trained, name), getattr(untrained, name)
        for shots in ours:
            mine, other = np.array(ours[shots]), np.array(theirs[shots])
            gap = (mine.mean() - other.mean()) / max(1 - other.mean(), 1e-9)
            table.add_row(
                "all" if shots is None else str(shots),
                "nearest neighbor" if name == "neighbor" else name,
                _spread(mine),
                _spread(other),
                f"{gap:+.0%}",
            )
    return table


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.1%}" + (f" ± {values.std(ddof=1):.1%}" if len(values) > 1 else "")


def _motion(losses: Mapping[str, float]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("motion loss on val")
    table.add_column("", justify="right")
    for name, value in losses.items():
        table.add_row(name, f"{value:.4f}")
    return table


def _print_next(console: Console, files: tuple[Path, ...]) -> None:
    console.print(f"Next: {shlex.join(['masa-finetune', *map(str, files)])}")


if __name__ == "__main__":
    main()

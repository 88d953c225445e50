"""masa-export: write a recognizer as one file that runs without MASA."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import click

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console, note_old_spelling
from .training_run import newest_run

_EXAMPLES = """
\b
Examples:
  masa-export model.pt2                              the newest run of masa-finetune, for torch.export.load
  masa-export --run runs/finetune-001 model.onnx     for ONNX Runtime (pip install 'masa-slr[onnx]')
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("paths", metavar="MODEL.onnx|MODEL.pt2", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    help="A run folder, or a checkpoint [default: the newest run].",
)
@click.version_option(VERSION)
def main(paths: tuple[Path, ...], run_path: Path | None) -> None:
    """Write a recognizer with its preprocessing as one file.

    Inputs of the exported model are keypoints, confidence and frame size; its outputs are probabilities.
    """
    with errors_in_one_line("masa-export"):
        *before, target = _checked(paths, run_path)
        if before:
            note_old_spelling(f"the run {before[0]}", f"--run {before[0]}")
            run_path = before[0]
        import torch

        from masa_model.evaluation.export import export
        from masa_model.training.recognizer import Recognizer

        run = run_path or newest_run(make_console(stderr=True), "finetune").path
        trained = Recognizer.load(run, torch.device("cpu"))
        logging.disable(logging.WARNING)  # the notes of torch's exporter do not help users
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            difference = export(trained, target)
        header = trained.header.estimator
        console = make_console()
        console.print(
            f"Wrote {target}: {counted(len(trained.classes), 'gloss', 'glosses')}; "
            f"its probabilities differ from the recognizer's by at most {difference:.1g}"
        )
        console.print(
            f"It expects keypoints of {header.name} {header.version}. Next: see Export in docs/evaluate.md"
        )


def _checked(paths: tuple[Path, ...], run: Path | None) -> tuple[Path, ...]:
    """The file to write; in version 0.1 the run could be given before it."""
    if not paths:
        raise DataError("no output file was given", "Name one, as in: masa-export model.pt2")
    if len(paths) > (2 if run is None else 1):
        raise DataError(f"found {len(paths)} output files, expected one", "Give the run with --run")
    if paths[-1].is_dir():
        raise DataError(
            f"the output {paths[-1]} is a folder, expected a file",
            "Name a file, as in: masa-export model.pt2",
        )
    return paths


if __name__ == "__main__":
    main()

"""masa-export: a recognizer as one file that needs nothing of masa."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import click

from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, Command, errors_in_one_line, make_console

_EXAMPLES = """
\b
Examples:
  masa-export runs/finetune-001 model.pt2      for torch.export.load
  masa-export runs/finetune-001 model.onnx     for ONNX Runtime (pip install 'masa-slr[onnx]')
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("target", metavar="MODEL.onnx|MODEL.pt2", type=click.Path(dir_okay=False, path_type=Path))
@click.version_option(VERSION)
def main(run: Path, target: Path) -> None:
    """Write a recognizer and its preprocessing: keypoints, confidence, frame size → probabilities."""
    with errors_in_one_line("masa-export"):
        import torch

        from masa_model.evaluation.export import export
        from masa_model.training.recognizer import Recognizer

        trained = Recognizer.load(run, torch.device("cpu"))
        logging.disable(logging.WARNING)  # the exporter's notes are for its developers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            difference = export(trained, target)
        header = trained.header.estimator
        console = make_console()
        console.print(
            f"Wrote {target}: {counted(len(trained.classes), 'gloss', 'glosses')}; "
            f"probabilities differ by at most {difference:.1g}"
        )
        console.print(
            f"It expects keypoints of {header.name} {header.version}. Next: docs/evaluate.md, Export"
        )


if __name__ == "__main__":
    main()

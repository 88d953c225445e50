"""The arguments and options that masa-convert's imports share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from masa_data.corpora.inputs import require_inputs
from masa_data.errors import DataError
from masa_data.formats.reading import DECLARABLE, UNITS, Units

Command = TypeVar("Command", bound=Callable[..., None])

SIZE: Final = click.option("--size", metavar="WxH", help="Size of the frames in pixels; recorded as assumed.")
FPS: Final = click.option(
    "--fps",
    type=click.FloatRange(min=0, max=1000, min_open=True),
    help="Frames per second; recorded as assumed.",
)
VIDEOS: Final = click.option(
    "--videos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The videos behind the keypoints, named like the clips: give size, rate and hash.",
)
MODEL: Final = click.option(
    "--model", default="unknown", help="The model that found the keypoints, to be recorded."
)


SWAP_SIZE: Final = click.option(
    "--swap-size", is_flag=True, help="The files give height and width the other way round."
)


def units_option(default: Units) -> Callable[[Any], Any]:
    """What positions are given in, where the files do not say it."""
    return click.option(
        "--units",
        type=click.Choice(UNITS),
        default=default,
        show_default=True,
        help="What x and y are: pixels, or shares of the frame's width and height.",
    )


def import_options(corpus: str, *special: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """The arguments and options of an import.

    Args:
        corpus: the default of --corpus.
        special: options that not every import has.
    """
    options: list[Callable[[Any], Any]] = [
        click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUT.h5"),
        *special,
        click.option(
            "--corpus",
            default=corpus,
            show_default=True,
            help="Name of the clips' corpus, where the input names none.",
        ),
        click.option(
            "--estimator",
            type=click.Choice(DECLARABLE),
            help="What found the keypoints; recorded as declared, and taken beside clips that it extracted.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it is there."),
        click.option(
            "--failures",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where problems are listed, a JSON line each [default: OUT.h5.failures.jsonl].",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def inputs_and_out(paths: tuple[str, ...], *, least: int = 1) -> tuple[list[str], Path]:
    """The inputs and, behind them, the output.

    Raises:
        DataError: if there are fewer than `least` inputs, one is not there, or the last path cannot be the
            output.
    """
    *inputs, out_name = paths
    out = Path(out_name)
    if len(inputs) < least or out.suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(
            f"found {len(paths)} paths ending in {out_name!r}, expected "
            f"{'INPUT...' if least == 1 else 'two inputs or more'} and then an output file that ends in .h5",
            "Run masa-convert --help for examples",
        )
    require_inputs(inputs)
    return inputs, out

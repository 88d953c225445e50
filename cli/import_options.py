"""The arguments and options that all imports of masa-convert share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from masa_data.corpora.inputs import require_inputs
from masa_data.errors import DataError
from masa_data.formats.reading import DECLARABLE, UNITS, Units

Command = TypeVar("Command", bound=Callable[..., None])

SIZE: Final = click.option("--size", metavar="WxH", help="Frame size in pixels; recorded as assumed.")
FPS: Final = click.option(
    "--fps",
    type=click.FloatRange(min=0, max=1000, min_open=True),
    help="Frames per second; recorded as assumed.",
)
VIDEOS: Final = click.option(
    "--videos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the source videos, named like the clips; size, rate and hash are read from them.",
)
MODEL: Final = click.option(
    "--model", default="unknown", help="The model that extracted the keypoints; it is recorded."
)


COLUMNS: Final = click.option(
    "--columns",
    metavar="ORDER",
    help="Files with one clip each and a row of numbers for each frame: their order, such as pose,left,right "
    "(MediaPipe: 33, 21 and 21 points), pose:4,face:3,left:3,right:3 (values of each point), or wholebody "
    "(133).",
)
ROOT: Final = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the corpus of --corpus: take ids, classes, splits and signers from its lists. "
    "Its videos may be missing.",
)
ANNOTATIONS: Final = click.option(
    "--annotations",
    type=click.Path(exists=True, path_type=Path),
    help="With --root: the file of its lists, or the folder that contains them [default: in ROOT].",
)

SWAP_SIZE: Final = click.option(
    "--swap-size", is_flag=True, help="Swap width and height that the files give."
)


def units_option(default: Units) -> Callable[[Any], Any]:
    """The option for the unit of positions, for formats that do not state the unit.

    Args:
        default: the default of --units.
    """
    return click.option(
        "--units",
        type=click.Choice(UNITS),
        default=default,
        show_default=True,
        help="Unit of x and y: pixels, or shares of the frame's width and height (0 to 1).",
    )


def import_options(corpus: str, *special: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """The arguments and options of an import.

    Args:
        corpus: the default of --corpus.
        special: options that only some imports have.
    """
    options: list[Callable[[Any], Any]] = [
        click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUT.h5"),
        *special,
        click.option(
            "--corpus",
            default=corpus,
            show_default=True,
            help="Name of the clips' corpus, if the input does not name one.",
        ),
        click.option(
            "--estimator",
            type=click.Choice(DECLARABLE),
            help="The estimator that extracted the keypoints. It is recorded as declared; the file can then "
            "be used together with clips that this estimator extracted.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it exists."),
        click.option(
            "--failures",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The file that lists problems, one JSON line each [default: OUT.h5.failures.jsonl].",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def inputs_and_out(paths: tuple[str, ...], *, least: int = 1) -> tuple[list[str], Path]:
    """Separate the inputs from the output, which is the last path.

    Args:
        paths: the paths on the command line.
        least: the smallest number of inputs.

    Raises:
        DataError: if there are fewer than `least` inputs, an input does not exist, or the last path cannot be
            the output.
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

"""What the commands share: where they print, and how errors become one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from masa_data.errors import DataError
from masa_data.extras import INSTALL_TRAINING
from masa_data.shards.reader import PoseShards

EXIT_USAGE: Final = 2
EXIT_SOME_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143

_OURS: Final = ("masa_cli", "masa_data", "masa_model")

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def make_console(*, quiet: bool = False) -> Console:
    """Standard output; paths and ids are printed as they are, never taken for markup."""
    return Console(quiet=quiet, highlight=False, markup=False, soft_wrap=True)


def clips_bar(console: Console) -> Progress:
    """A bar of clips done and time left, which leaves nothing behind; none where it is no terminal."""
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("clips ·"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def require_clip(tracks: PoseShards, clip_id: str) -> None:
    """Say which clips have a name like this if there is none of this name.

    Raises:
        DataError: if there is no such clip.
    """
    if clip_id not in tracks:
        near = get_close_matches(clip_id, list(tracks), n=3, cutoff=0.4)
        raise DataError(
            f"there is no clip {clip_id!r} in {tracks.path}",
            f"Near it: {', '.join(near) or next(iter(tracks))}",
        )


def refuse_options(why: str, *names: str) -> None:
    """Refuse options that have no effect here, if they were given on the command line.

    Args:
        why: they have none.
        names: of the command's parameters.

    Raises:
        DataError: if one was given.
    """
    context = click.get_current_context()
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise DataError(f"{options[name]} has no effect {why}", "Leave it out")


@contextmanager
def errors_in_one_line(command: str) -> Iterator[None]:
    """Print what a user can mend as one line and leave with exit code 2, without a traceback."""
    try:
        yield
    except DataError as error:
        _say(f"{command}: {error}")
        sys.exit(EXIT_USAGE)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        _say(f"{command}: {error.name} is not installed, which this command needs. {INSTALL_TRAINING}")
        sys.exit(EXIT_USAGE)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _say(
            f"{command}: {error.strerror or error}{place}. Free space or check the rights, then run it again."
        )
        sys.exit(EXIT_USAGE)


def _say(text: str) -> None:
    print(text.replace("\n", "\\n"), file=sys.stderr)  # noqa: T201

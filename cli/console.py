"""What the commands share: where they print, and how errors become one line and an exit code.

Names come from files that others made. None of them reaches a terminal as it is: control characters are
shown as escapes here, in one place, and what the terminal's encoding lacks is replaced.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EPIPE
from typing import Any, Final

import click
from click.core import ParameterSource
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.text import Text

from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError, RenamedWarning
from masa_data.machine.extras import INSTALL_TRAINING

EXIT_USAGE: Final = 2
EXIT_SOME_FAILED: Final = 3
EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143

_OURS: Final = ("masa_cli", "masa_data", "masa_model")

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

# Control characters but for tab and newline, what turns the direction of writing, and halves of pairs.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What our own lines hold beyond ASCII, for terminals that know no more.
_PLAINER: Final = str.maketrans({"…": "...", "–": "-", "—": "-", "·": "-", "×": "x", "→": "->", "±": "+-"})


def plain(text: str) -> str:
    """A text that does nothing to a terminal but show letters: control characters become escapes."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class _PlainConsole(Console):
    """Prints every text as `plain` leaves it, in the letters that the output's encoding has."""

    def render_str(self, text: str, *arguments: Any, **options: Any) -> Text:  # noqa: ANN401  # as rich's
        """Before it is laid out, so that columns stay in line."""
        return super().render_str(self._shown(text), *arguments, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What came as a finished Text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(self._shown(segment.text), segment.style)

    def _shown(self, text: str) -> str:
        return _encodable(plain(text), self.encoding)


def _encodable(text: str, encoding: str) -> str:
    """The text with plainer letters where an encoding lacks some."""
    if encoding.startswith("utf"):
        return text
    with suppress(UnicodeEncodeError):
        text.encode(encoding)
        return text
    return text.translate(_PLAINER).encode(encoding, "replace").decode(encoding)


class _PlainErrors:
    """Mixed into click's commands: its complaints are plain too, and any encoding of output will do."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as click's
        """Run as a program."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):  # one that a test put there
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]
        with warnings.catch_warnings():
            warnings.showwarning = _notes()
            return super().main(*arguments, **options)  # type: ignore[misc]

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:  # noqa: ANN401
        """Read the command line."""
        with _plain_complaints():
            context: click.Context = super().make_context(*arguments, **options)  # type: ignore[misc]
        return context

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401
        """Run what it asks for."""
        with _plain_complaints():
            return super().invoke(context)  # type: ignore[misc]


class Command(_PlainErrors, click.Command):
    """The command of every program here."""


class Group(_PlainErrors, click.Group):
    """A program with commands of its own."""


def _notes() -> Callable[..., None]:
    """Shows warnings: one for users as a line of its own, and only once; others as Python shows them."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:  # noqa: ANN401  # as Python's
        if not issubclass(category, RenamedWarning):
            complain(warnings.formatwarning(message, category, *where[:2]).rstrip())
        elif str(message) not in said:
            said.add(str(message))
            complain(f"note: {message}")

    return show


@contextmanager
def _plain_complaints() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        error.message = plain(error.message)  # type: ignore[misc]
        raise


def make_console(*, quiet: bool = False, stderr: bool = False) -> Console:
    """Standard output or error; paths and ids are never taken for markup, nor for a terminal's commands."""
    return _PlainConsole(quiet=quiet, stderr=stderr, highlight=False, markup=False, soft_wrap=True)


def print_json(console: Console, value: object) -> None:
    """Print JSON, as `json_text` has it."""
    console.print(json_text(value, console.encoding))


def json_text(value: object, encoding: str) -> str:
    """JSON as it reads best, or escaped where an encoding lacks a letter or one would do harm."""
    text = json.dumps(value, ensure_ascii=False)
    if plain(text) != text or _encodable(text, encoding) != text:
        text = json.dumps(value)
    return text


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


def as_option(name: str, value: object) -> str:
    """How an argument of a library's function is said on the command line: `overwrite=True` is `--overwrite`.

    Args:
        name: of the argument; a command's parameter of this name knows its own option.
        value: True for a switch, `...` for any value; a size is said as 640x360.
    """
    context = click.get_current_context(silent=True)
    parameters = context.command.params if context else []
    known = {parameter.name: parameter.opts[0] for parameter in parameters}
    option = known.get(name, "--" + name.replace("_", "-"))
    if value is True or value is ...:
        return option
    return f"{option} {'x'.join(map(str, value)) if isinstance(value, tuple) else value}"


@contextmanager
def errors_in_one_line(command: str) -> Iterator[None]:
    """Print what a user can mend as one line and leave with exit code 2, without a traceback."""
    try:
        yield
    except DataError as error:
        _leave(f"{command}: {error.reason_in(as_option)}. {error.advice_in(as_option)}.")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        _leave(f"{command}: {error.name} is not installed, which this command needs. {INSTALL_TRAINING}")
    except OSError as error:
        if error.errno == EPIPE:  # whoever read our output has seen enough; click leaves quietly
            raise
        told = in_words(error)
        _leave(f"{command}: {told.reason}. {told.advice_in(as_option)}.")


def note_old_spelling(old: str, new: str) -> None:
    """Say that an earlier version's way to call a command is understood, and what it is now.

    Args:
        old: what was given.
        new: what to give instead.
    """
    complain(f"note: {old} is now written {new}")


def complain(text: str) -> None:
    """Print a line to standard error."""
    line = _encodable(plain(text).replace("\n", "\\n"), getattr(sys.stderr, "encoding", None) or "utf-8")
    print(line, file=sys.stderr)  # noqa: T201


def _leave(text: str) -> None:
    complain(text)
    sys.exit(EXIT_USAGE)

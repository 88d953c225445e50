"""What all commands share: consoles, and errors that become one line and an exit code.

Names in the output can come from files of unknown origin. This module is the one place that makes them safe
to print: control characters become escapes, and letters that the terminal's encoding lacks are replaced.
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

# Control characters except tab and newline, characters that change the writing direction, lone surrogates.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# ASCII for the other characters in our own messages, for terminals that have ASCII only.
_PLAINER: Final = str.maketrans({"…": "...", "–": "-", "—": "-", "·": "-", "×": "x", "→": "->", "±": "+-"})


def plain(text: str) -> str:
    """The text with control characters as escapes, so that a terminal only shows letters."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class _PlainConsole(Console):
    """A console that prints every text through `plain`, with letters that the output's encoding has."""

    def render_str(self, text: str, *arguments: Any, **options: Any) -> Text:  # noqa: ANN401  # as rich's
        """Make a string safe before its layout is computed, so that columns stay aligned."""
        return super().render_str(self._shown(text), *arguments, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make texts safe that were passed as a finished Text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(self._shown(segment.text), segment.style)

    def _shown(self, text: str) -> str:
        return _encodable(plain(text), self.encoding)


def _encodable(text: str, encoding: str) -> str:
    """The text with replacements for the letters that an encoding lacks."""
    if encoding.startswith("utf"):
        return text
    with suppress(UnicodeEncodeError):
        text.encode(encoding)
        return text
    return text.translate(_PLAINER).encode(encoding, "replace").decode(encoding)


class _PlainErrors:
    """A mixin for click's commands: click's messages are safe to print too, in any output encoding."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as click's
        """Run the command as a program."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):  # a stream that a test replaced
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
        """Run the command that the command line asks for."""
        with _plain_complaints():
            return super().invoke(context)  # type: ignore[misc]


class Command(_PlainErrors, click.Command):
    """The class of every command in this package."""


class Group(_PlainErrors, click.Group):
    """A program with subcommands."""


def _notes() -> Callable[..., None]:
    """A function that shows warnings: those for users as one line and only once, others as Python does."""
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
    """A console for standard output or error.

    Paths and ids are printed as text: they are never read as markup or as terminal commands.
    """
    return _PlainConsole(quiet=quiet, stderr=stderr, highlight=False, markup=False, soft_wrap=True)


def print_json(console: Console, value: object) -> None:
    """Print a value as JSON, in the form that `json_text` gives."""
    console.print(json_text(value, console.encoding))


def json_text(value: object, encoding: str) -> str:
    """A value as readable JSON, or with escapes if a letter is unsafe or missing in the encoding."""
    text = json.dumps(value, ensure_ascii=False)
    if plain(text) != text or _encodable(text, encoding) != text:
        text = json.dumps(value)
    return text


def clips_bar(console: Console) -> Progress:
    """A progress bar with the clips done and the time left.

    The bar disappears at the end. It is not shown if the console is not a terminal.
    """
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
        why: the reason they have no effect, as in "without --corpus".
        names: names of the command's parameters.

    Raises:
        DataError: if one of them was given.
    """
    context = click.get_current_context()
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise DataError(f"{options[name]} has no effect {why}", "Leave it out")


def as_option(name: str, value: object) -> str:
    """The command-line option for an argument of a library function: `overwrite=True` is `--overwrite`.

    Args:
        name: name of the argument. If the command has a parameter of this name, its option is used.
        value: value of the argument: True for a flag, `...` for any value; a size is written as 640x360.
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
    """Print an error that the user can fix as one line, and exit with code 2, without a traceback."""
    try:
        yield
    except DataError as error:
        _leave(f"{command}: {error.reason_in(as_option)}. {error.advice_in(as_option)}.")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        reason = f"this command needs {error.name}, which is not installed"
        _leave(f"{command}: {reason}. Install it: {INSTALL_TRAINING}")
    except OSError as error:
        if error.errno == EPIPE:  # the reader of our output has closed it; click exits without a message
            raise
        told = in_words(error)
        _leave(f"{command}: {told.reason}. {told.advice_in(as_option)}.")


def note_old_spelling(old: str, new: str) -> None:
    """Print a note that the spelling of an earlier version still works, and what the spelling is now.

    Args:
        old: what the user wrote.
        new: what to write instead.
    """
    complain(f"note: {old} is now written {new}")


def complain(text: str) -> None:
    """Print a line to standard error."""
    line = _encodable(plain(text).replace("\n", "\\n"), getattr(sys.stderr, "encoding", None) or "utf-8")
    print(line, file=sys.stderr)  # noqa: T201


def _leave(text: str) -> None:
    complain(text)
    sys.exit(EXIT_USAGE)

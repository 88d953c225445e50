"""The errors that data, files and settings can cause, with a common base class."""

from __future__ import annotations

from collections.abc import Callable

# Formats the name of an argument and a value for it.
Words = Callable[[str, object], str]


def in_python(name: str, value: object) -> str:
    """Return an argument in Python syntax: `overwrite=True`, or only its name if the value is `...`.

    Args:
        name: name of the argument.
        value: value of the argument; `...` = any value.
    """
    return name if value is ... else f"{name}={value!r}"


class DataError(ValueError):
    """Data, a file or a setting of the user cannot be used.

    If an argument of the called function solves the problem, the texts contain its name in braces, and its
    value is passed as a keyword argument. In Python the message contains `overwrite=True`; a command shows
    `--overwrite`. The value `...` stands for any value: the message contains only the name.

    Args:
        reason: what was found and what was expected, in one line.
        advice: what to do about it, in one line.
        arguments: the arguments that the texts name, with the values that solve the problem.

    Example:
        >>> str(DataError("out.h5 exists", "Choose another name, or use {overwrite}", overwrite=True))
        'out.h5 exists. Choose another name, or use overwrite=True.'
    """

    def __init__(self, reason: str, advice: str, **arguments: object) -> None:
        super().__init__(reason, advice)
        self.arguments = arguments
        self._reason = reason
        self._advice = advice

    def __reduce__(self) -> tuple[Callable[..., DataError], tuple[object, ...]]:
        """Support pickling, because errors are sent from worker processes."""
        return _again, (type(self), self._reason, self._advice, self.arguments)

    @property
    def reason(self) -> str:
        """What was found and what was expected, with arguments in Python syntax."""
        return self.reason_in(in_python)

    @property
    def advice(self) -> str:
        """What to do about it, with arguments in Python syntax."""
        return self.advice_in(in_python)

    def reason_in(self, words: Words) -> str:
        """Return what was found and what was expected, with arguments in another syntax.

        Args:
            words: formats an argument's name and value.
        """
        return self._filled(self._reason, words)

    def advice_in(self, words: Words) -> str:
        """Return what to do about it, with arguments in another syntax; see `reason_in`."""
        return self._filled(self._advice, words)

    def _filled(self, text: str, words: Words) -> str:
        # str.format() is not used, because file names may contain braces.
        for name, value in self.arguments.items():
            text = text.replace(f"{{{name}}}", words(name, value))
        return text

    def followed_by(self, more: str, **arguments: object) -> DataError:
        """Return the same error with more advice.

        Args:
            more: text that is appended to the advice unchanged.
            arguments: the arguments that `more` names, as for `DataError`.
        """
        return type(self)(self._reason, self._advice + more, **{**self.arguments, **arguments})

    def about(self, what: str) -> DataError:
        """Return the same error with its subject at the beginning."""
        return type(self)(f"{what}: {self._reason}", self._advice, **self.arguments)

    def __str__(self) -> str:
        return f"{self.reason}. {self.advice}."


class DamagedFileError(DataError):
    """A file is truncated, was changed, or has another format."""


class ExistsError(DataError):
    """The output already exists."""


class MismatchError(DataError):
    """Files, classes, settings or a checkpoint cannot be used together."""


class NoClipsError(DataError):
    """There is no clip to process."""


class NotInstalledError(DataError):
    """A required library is not installed."""


class UnknownClipError(DataError, KeyError):
    """No clip has this id; also a KeyError, as mappings raise it."""


class RenamedWarning(FutureWarning):
    """Something was used by its name in an earlier version."""


def _again(kind: type[DataError], reason: str, advice: str, arguments: dict[str, object]) -> DataError:
    return kind(reason, advice, **arguments)

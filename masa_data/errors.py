"""The errors that data, files and settings can cause: one family, so that a caller can catch all or some."""

from __future__ import annotations

from collections.abc import Callable

# How the name of an argument and a value for it are said.
Words = Callable[[str, object], str]


def in_python(name: str, value: object) -> str:
    """How an argument is said in Python: `overwrite=True`, or its name alone where any value is meant.

    Args:
        name: of the argument.
        value: `...` for any.
    """
    return name if value is ... else f"{name}={value!r}"


class DataError(ValueError):
    """Something a user handed in cannot be used.

    Where an argument of the function that was called mends it, the texts name it in braces, and the value to
    give it stands beside them. In Python the message says `overwrite=True`; a command says `--overwrite`. The
    value `...` stands for any: the message names the argument alone.

    Args:
        reason: what was found and what was expected, in one line.
        advice: what to do about it, in one line.
        arguments: the arguments that the texts name, and the values that mend it.

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
        """Errors come back from worker processes."""
        return _again, (type(self), self._reason, self._advice, self.arguments)

    @property
    def reason(self) -> str:
        """What was found and what was expected, in words of Python."""
        return self.reason_in(in_python)

    @property
    def advice(self) -> str:
        """What to do about it, in words of Python."""
        return self.advice_in(in_python)

    def reason_in(self, words: Words) -> str:
        """What was found and what was expected, in words of one's own.

        Args:
            words: gives, for an argument's name and value, what to say instead.
        """
        return self._filled(self._reason, words)

    def advice_in(self, words: Words) -> str:
        """What to do about it, in words of one's own; see `reason_in`."""
        return self._filled(self._advice, words)

    def _filled(self, text: str, words: Words) -> str:
        # No format(): names of files may have braces.
        for name, value in self.arguments.items():
            text = text.replace(f"{{{name}}}", words(name, value))
        return text

    def followed_by(self, more: str, **arguments: object) -> DataError:
        """The same error with more advice.

        Args:
            more: put behind the advice as it is.
            arguments: those that `more` names, as `DataError` takes them.
        """
        return type(self)(self._reason, self._advice + more, **{**self.arguments, **arguments})

    def about(self, what: str) -> DataError:
        """The same error with what it is about in front."""
        return type(self)(f"{what}: {self._reason}", self._advice, **self.arguments)

    def __str__(self) -> str:
        return f"{self.reason}. {self.advice}."


class DamagedFileError(DataError):
    """A file is cut off, was changed, or is not of the format that it should be."""


class ExistsError(DataError):
    """What should be written exists already."""


class MismatchError(DataError):
    """Files, classes, settings or a checkpoint do not go together."""


class NoClipsError(DataError):
    """No clip is left to work on."""


class NotInstalledError(DataError):
    """A library that this needs is not installed."""


class UnknownClipError(DataError, KeyError):
    """No clip has this id; a KeyError too, as a mapping raises."""


class RenamedWarning(FutureWarning):
    """Something was called by the name that it had in an earlier version."""


def _again(kind: type[DataError], reason: str, advice: str, arguments: dict[str, object]) -> DataError:
    return kind(reason, advice, **arguments)

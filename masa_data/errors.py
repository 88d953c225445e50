"""The errors that data, files and settings can cause: one family, so that a caller can catch all or some."""

from __future__ import annotations

from collections.abc import Callable


class DataError(ValueError):
    """Something a user handed in cannot be used.

    Where an argument of the function that was called mends it, the advice names it in braces, and the value
    to give it stands beside it. In Python the message says `overwrite=True`; a command says `--overwrite`.

    Args:
        reason: what was found and what was expected, in one line.
        advice: what to do about it, in one line.
        arguments: the arguments that `advice` names, and the values that mend it.

    Example:
        >>> str(DataError("out.h5 exists", "Choose another name, or use {overwrite}", overwrite=True))
        'out.h5 exists. Choose another name, or use overwrite=True.'
    """

    def __init__(self, reason: str, advice: str, **arguments: object) -> None:
        super().__init__(reason, advice)
        self.reason = reason
        self.arguments = arguments
        self._advice = advice

    def __reduce__(self) -> tuple[Callable[..., DataError], tuple[object, ...]]:
        """Errors come back from worker processes."""
        return _again, (type(self), self.reason, self._advice, self.arguments)

    @property
    def advice(self) -> str:
        """What to do about it, in words of Python."""
        return self.advice_in(lambda name, value: f"{name}={value!r}")

    def advice_in(self, words: Callable[[str, object], str]) -> str:
        """What to do about it, in words of one's own.

        Args:
            words: gives, for an argument's name and value, what to say instead.
        """
        if not self.arguments:  # then braces are what they are: names of files may have some
            return self._advice
        return self._advice.format_map({name: words(name, value) for name, value in self.arguments.items()})

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

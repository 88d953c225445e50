"""The one exception that data, files and settings can cause."""

from __future__ import annotations


class DataError(ValueError):
    """Something a user handed in cannot be used.

    Args:
        reason: what was found and what was expected, in one line.
        advice: what to do about it, in one line.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason, advice)
        self.reason = reason
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.reason}. {self.advice}."

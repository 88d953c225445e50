"""The list of what went wrong, written while the work goes on: a line of JSON for each problem."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TextIO

from typing_extensions import Self

from masa_data.corpora.clip import Problem
from masa_data.errors import Words, in_python


class ProblemList:
    """Notes problems, in memory and in a file. Use as a context manager; without a problem no file stays.

    Attributes:
        path: of the file; None = there is none.
        problems: those noted so far.
    """

    def __init__(self, path: Path | None, words: Words = in_python) -> None:
        """Prepare a list.

        Args:
            path: where to write it, in place of what is there; folders above it are made. None = nowhere.
            words: how the advice names arguments.

        Raises:
            OSError: if the file cannot be written.
        """
        self.path = path
        self.problems: list[Problem] = []
        self._words = words
        self._resources = ExitStack()
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._resources.enter_context(path.open("w", encoding="utf-8", errors="replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()
        if self.path is not None and self.path.is_file() and self.path.stat().st_size == 0:
            self.path.unlink()

    @property
    def failed(self) -> int:
        """How many of them are failures, not warnings."""
        return sum(problem.kind == "failed" for problem in self.problems)

    def note(self, problem: Problem) -> None:
        """Add a problem.

        Raises:
            OSError: if the disk is full.
        """
        self.problems.append(problem)
        if self._file is not None:
            self._file.write(json.dumps(problem.as_row(self._words), ensure_ascii=False) + "\n")
            self._file.flush()

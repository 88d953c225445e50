"""A list of problems that is written during the work: one line of JSON for each problem."""

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
    """Collects problems in memory and in a file. Use as a context manager; without problems, no file is kept.

    Attributes:
        path: path of the file; None = no file.
        problems: all problems so far.
    """

    def __init__(self, path: Path | None, words: Words = in_python) -> None:
        """Prepare a list.

        Args:
            path: file to write; replaces an existing file, and missing folders are created. None = no file.
            words: formats the names of arguments in the advice.

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
        """Number of problems that are failures, not warnings."""
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

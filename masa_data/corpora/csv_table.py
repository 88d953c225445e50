"""CSV as people have it: with commas, semicolons or tabs, in UTF-8 or as Excel's "Unicode text".

Excel writes semicolons wherever the comma is the decimal sign, and tabs in UTF-16 as "Unicode text".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from masa_data.corpora.annotations import read_text
from masa_data.errors import DataError

_SEPARATORS: Final = (",", ";", "\t")
_ADVICE: Final = "Save it again as CSV in UTF-8, with a comma, a semicolon or a tab between values"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table whose first line names its columns.

    Attributes:
        path: the file, for errors.
        columns: the names in the first line, as they stand there.
    """

    path: Path
    columns: tuple[str, ...]
    _reader: Any  # csv's own reader has no public type
    _skipped: int

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line number, from 1, and values of each row that is not empty; to be gone through once.

        Raises:
            DataError: if a row has another number of values than there are columns, or is no CSV.
        """
        try:
            for row in self._reader:
                line = self._reader.line_num + self._skipped
                if not row:
                    continue
                if len(row) != len(self.columns):
                    raise DataError(
                        f"{self.path}:{line}: found another number of values ({len(row)}) than the "
                        f"{len(self.columns)} columns named in the first line",
                        "Correct the row; put quotes around values that contain the sign between values",
                    )
                yield line, dict(zip(self.columns, row, strict=True))
        except csv.Error as error:
            line = self._reader.line_num + self._skipped
            raise DataError(f"{self.path}:{line}: found no CSV ({error})", _ADVICE) from None


def read_csv(path: Path) -> CsvTable:
    """Open a CSV; what separates values is what the first line has most of.

    Raises:
        DataError: if it is neither UTF-8 nor UTF-16, or its first line is no CSV.
        OSError: if it cannot be read.
    """
    text = read_text(path)
    skipped = 0
    first, _, rest = text.partition("\n")
    separator = ""
    if first.strip().lower().startswith("sep=") and len(first.strip("\r\n")) == 5:  # a hint for Excel alone
        separator, text, skipped = first.strip("\r\n")[4], rest, 1
    line = text.partition("\n")[0]
    separator = separator or max(_SEPARATORS, key=lambda sign: _count(line, sign))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = tuple(next(reader, []))
    except csv.Error as error:
        raise DataError(f"{path}:1: found no CSV ({error})", _ADVICE) from None
    return CsvTable(path, columns, reader, skipped)


def _count(line: str, sign: str) -> int:
    """How often a sign stands in a line outside quotes."""
    return sum(part.count(sign) for part in line.split('"')[::2])

"""Reading of CSV files: separated by commas, semicolons or tabs, in UTF-8 or UTF-16.

Excel writes semicolons if the comma is the decimal separator, and tabs in UTF-16 as "Unicode text".
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
_ADVICE: Final = "Save it again as CSV in UTF-8, with commas, semicolons or tabs between values"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table with column names in its first line.

    Attributes:
        path: the file, for errors.
        columns: names of the columns, unchanged.
    """

    path: Path
    columns: tuple[str, ...]
    _reader: Any  # the type of csv's reader is not public
    _skipped: int

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield line number, from 1, and values of each row that is not empty; can be read only once.

        Raises:
            DataError: if a row has more or fewer values than there are columns, or is not valid CSV.
        """
        try:
            for row in self._reader:
                line = self._reader.line_num + self._skipped
                if not row:
                    continue
                if len(row) != len(self.columns):
                    raise DataError(
                        f"{self.path}:{line}: found {len(row)} values, but the first line names "
                        f"{len(self.columns)} columns",
                        "Correct the row; put quotes around values that contain the separator",
                    )
                yield line, dict(zip(self.columns, row, strict=True))
        except csv.Error as error:
            line = self._reader.line_num + self._skipped
            raise DataError(f"{self.path}:{line}: found no valid CSV ({error})", _ADVICE) from None


def read_csv(path: Path) -> CsvTable:
    """Open a CSV. The separator is the one that occurs most often in the first line.

    Raises:
        DataError: if it is neither UTF-8 nor UTF-16, or its first line is not valid CSV.
        OSError: if it cannot be read.
    """
    text = read_text(path)
    skipped = 0
    first, _, rest = text.partition("\n")
    separator = ""
    if first.strip().lower().startswith("sep=") and len(first.strip("\r\n")) == 5:  # a line only for Excel
        separator, text, skipped = first.strip("\r\n")[4], rest, 1
    line = text.partition("\n")[0]
    separator = separator or max(_SEPARATORS, key=lambda sign: _count(line, sign))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = tuple(next(reader, []))
    except csv.Error as error:
        raise DataError(f"{path}:1: found no valid CSV ({error})", _ADVICE) from None
    return CsvTable(path, columns, reader, skipped)


def _count(line: str, sign: str) -> int:
    """Return how often a separator occurs in a line outside quotes."""
    return sum(part.count(sign) for part in line.split('"')[::2])

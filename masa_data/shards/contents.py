"""What a file says it holds, checked against what is expected and its size before anything is read."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from masa_data.errors import DamagedFileError
from masa_data.shards.spec import STRING, Column
from masa_data.tracks.provenance import Provenance

RESTORE: Final = "Copy it again from where it was complete, or extract the videos again"

_TEXT: Final = re.compile(r"\|S([1-9][0-9]{0,4})")


class Place(BaseModel):
    """Where the values of a column lie in a file: in one piece, unfiltered.

    Attributes:
        dtype: NumPy's name of their type: "<f4", "|u1", or "|S12" for texts of at most 12 bytes of UTF-8.
        shape: rows first.
        offset: in bytes from the beginning of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def bytes(self) -> int:
        """Their size. Asks for a type that was checked."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Contents:
    """An open file of either version, mapped into memory.

    Attributes:
        path: of the file.
        version: of the format.
        kind: "shard" (holds clips) or "index" (lists shards).
        provenance: what it says about all its clips.
        pages: the whole file, mapped.
        places: where columns lie, by their path in the file.
        texts: for columns of texts that do not lie in one piece (version 1), what gives their bytes.
    """

    path: Path
    version: int
    kind: Literal["shard", "index"]
    provenance: Provenance
    pages: mmap.mmap
    places: Mapping[str, Place]
    texts: Mapping[str, Callable[[], list[bytes]]] = field(default_factory=dict)

    def rows(self, column: Column) -> int:
        """The number of rows that the file says a column has.

        Raises:
            DataError: if it has no such column, or no rows.
        """
        place = self._place(column)
        if not place.shape or place.shape[0] < 1:
            raise DamagedFileError(f"{self.path}: {column.path} has no rows, expected at least one", RESTORE)
        return place.shape[0]

    def require(self, columns: Iterable[Column], rows: int) -> None:
        """Check that columns are there, of the expected type and shape, and inside the file.

        Raises:
            DataError: if one is not.
        """
        for column in columns:
            place = self._place(column)
            expected = "texts" if column.dtype == STRING else np.dtype(column.dtype).str
            is_expected = _TEXT.fullmatch(place.dtype) if expected == "texts" else place.dtype == expected
            shape = (rows, *column.row_shape)
            if not is_expected or place.shape != shape:
                raise DamagedFileError(
                    f"{self.path}: {column.path} is {place.dtype:.20} {_shortened(place.shape)}, expected "
                    f"{expected} {shape}",
                    RESTORE,
                )
            if place.offset < 0 or place.offset + place.bytes > len(self.pages):
                raise DamagedFileError(
                    f"{self.path}: {column.path} reaches past the end of the file", RESTORE
                )

    def mapped(self, column: Column) -> NDArray[Any]:
        """(rows, …) a column as it lies in the file, read-only. Ask for it only after `require`."""
        place = self.places[column.path]
        flat = np.frombuffer(self.pages, place.dtype, math.prod(place.shape), place.offset)
        return flat.reshape(place.shape)

    def values(self, column: Column) -> NDArray[Any]:
        """(rows, …) a column, copied: numbers, or Python strings (dtype object).

        Raises:
            DataError: if a text is not UTF-8.
        """
        if column.dtype != STRING:
            return self.mapped(column).copy()
        texts = self.texts[column.path]() if column.path in self.texts else self.mapped(column).tolist()
        try:
            return np.array([*map(bytes.decode, texts), None], dtype=object)[:-1]
        except UnicodeDecodeError as error:
            raise DamagedFileError(
                f"{self.path}: {column.path} is not UTF-8 ({error.reason})", RESTORE
            ) from None

    def _place(self, column: Column) -> Place:
        if column.path not in self.places:
            raise DamagedFileError(f"{self.path} lacks {column.path}", RESTORE)
        return self.places[column.path]


def _shortened(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) < 5 else f"of {len(shape)} dimensions"

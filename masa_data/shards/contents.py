"""The content that a file declares, checked against the expected content and the file size before reading."""

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

RESTORE: Final = "Copy the complete file again, or extract the videos again"

_TEXT: Final = re.compile(r"\|S([1-9][0-9]{0,4})")


class Place(BaseModel):
    """Location of a column in a file: contiguous and unfiltered.

    Attributes:
        dtype: NumPy's name of the type: "<f4", "|u1", or "|S12" for texts of at most 12 bytes of UTF-8.
        shape: shape of the column, rows first.
        offset: position in bytes from the beginning of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def bytes(self) -> int:
        """Size in bytes. Only valid for a type that was checked."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Contents:
    """An open file of either version, mapped into memory.

    Attributes:
        path: path of the file.
        version: version of the format.
        kind: "shard" (contains clips) or "index" (lists shards).
        provenance: provenance of all its clips.
        pages: the whole file, mapped.
        places: location of each column, by its path in the file.
        texts: for text columns that are not contiguous (version 1), a function that returns their bytes.
    """

    path: Path
    version: int
    kind: Literal["shard", "index"]
    provenance: Provenance
    pages: mmap.mmap
    places: Mapping[str, Place]
    texts: Mapping[str, Callable[[], list[bytes]]] = field(default_factory=dict)

    def rows(self, column: Column) -> int:
        """Return the number of rows that the file declares for a column.

        Raises:
            DataError: if the column is missing or has no rows.
        """
        place = self._place(column)
        if not place.shape or place.shape[0] < 1:
            raise DamagedFileError(f"{self.path}: {column.path} has no rows, expected at least one", RESTORE)
        return place.shape[0]

    def require(self, columns: Iterable[Column], rows: int) -> None:
        """Check that columns exist, have the expected type and shape, and are inside the file.

        Raises:
            DataError: if one of them does not.
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
                    f"{self.path}: {column.path} extends past the end of the file", RESTORE
                )

    def mapped(self, column: Column) -> NDArray[Any]:
        """Return a column as stored, (rows, …), read-only. Call it only after `require`."""
        place = self.places[column.path]
        flat = np.frombuffer(self.pages, place.dtype, math.prod(place.shape), place.offset)
        return flat.reshape(place.shape)

    def values(self, column: Column) -> NDArray[Any]:
        """Return a copy of a column, (rows, …): numbers, or Python strings (dtype object).

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

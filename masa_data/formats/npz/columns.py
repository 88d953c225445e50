"""The arrays of an npz file from an untrusted source; they are checked before they are read."""

from __future__ import annotations

import math
import sys
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.labels import without_point
from masa_data.corpora.sources import is_unicode
from masa_data.errors import DataError
from masa_data.formats.untrusted.limits import check_unpacked

_MAX_COLUMN_BYTES: Final = 1 << 30
_MAX_TEXT_BYTES: Final = 4096
_ROWS_AT_A_TIME: Final = 16384
GET_AGAIN: Final = "Download or create the file again"

_KINDS: Final = {
    "f": "floating-point numbers",
    "iu": "integers",
    "biuf": "numbers",
    "iuf": "numbers",
    "U": "texts",
    "Uiuf": "texts or numbers",
}


@dataclass(frozen=True, slots=True)
class Column:
    """An open array of a file whose header has been read."""

    stream: IO[bytes]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class NpzColumns:
    """The arrays of one file, by name. Nothing in the file is ever unpickled."""

    def __init__(self, path: Path, resources: ExitStack) -> None:
        """Open a file.

        Args:
            path: the file.
            resources: closes the file at the end.

        Raises:
            zipfile.BadZipFile: if it is not an npz file; also other errors (`DAMAGED_NPZ`).
            OSError: if it cannot be read.
        """
        self._resources = resources
        self._file = resources.enter_context(zipfile.ZipFile(path))

    def has(self, name: str) -> bool:
        """Return whether there is an array of this name."""
        return f"{name}.npy" in self._file.namelist()

    def names(self) -> list[str]:
        """Return the names of the arrays."""
        return [name.removesuffix(".npy") for name in self._file.namelist()]

    def texts(self, name: str, clips: int, *, optional: bool = False) -> list[str]:
        """Read a column of texts, or of numbers as texts; NaN is read as "".

        Args:
            name: name of the array.
            clips: expected number of texts.
            optional: whether it may be missing; then all texts are "".

        Raises:
            DataError: if it is not valid.
        """
        if optional and not self.has(name):
            return [""] * clips
        column = self.opened(name, "Uiuf")
        if column.shape != (clips,) or column.dtype.itemsize > _MAX_TEXT_BYTES:
            raise DataError(
                f"found `{name}` of shape {column.shape} and {column.dtype.itemsize:,} bytes each, expected "
                f"one text for each of {clips:,} clips, of up to {_MAX_TEXT_BYTES:,} bytes",
                GET_AGAIN,
            )
        texts: list[str] = []
        for first in range(0, clips, _ROWS_AT_A_TIME):
            rows = read_values(column, min(_ROWS_AT_A_TIME, clips - first), name)
            values = rows.tolist()
            if column.dtype.kind == "f":
                values = ["" if value != value else without_point(str(value)) for value in values]
            texts += (sys.intern(str(value)) for value in values)  # texts are often repeated
        for text in set(texts):
            if "\0" in text or not is_unicode(text):
                raise DataError(
                    f"found {text[:40]!a} as `{name}`, expected a text in valid Unicode", GET_AGAIN
                )
        return texts

    def values(self, name: str, kinds: str, most: int) -> NDArray[Any]:
        """Read a whole array.

        Args:
            name: name of the array.
            kinds: allowed types of its numbers, as numpy's dtype.kind.
            most: maximum number of values.

        Raises:
            DataError: if it is not valid.
        """
        column = self.opened(name, kinds)
        count = math.prod(column.shape)
        if count > most:
            raise DataError(f"found {count:,} {name}, expected no more than {most:,}", GET_AGAIN)
        return read_values(column, count, name).reshape(column.shape)

    def opened(self, name: str, kinds: str) -> Column:
        """Open an array and check that the file contains what its header declares, before allocating memory.

        Args:
            name: name of the array.
            kinds: allowed types of its values, as numpy's dtype.kind.

        Raises:
            DataError: if it is not valid.
        """
        try:
            entry = self._file.getinfo(f"{name}.npy")
        except KeyError:
            raise DataError(
                f"found no `{name}` in the file, expected kp49, offsets and label",
                "Check whether this is the right file",
            ) from None
        stream = self._resources.enter_context(self._file.open(entry))
        if np.lib.format.read_magic(stream) != (1, 0):
            raise DataError(f"found `{name}` in another version of npy, expected version 1.0", GET_AGAIN)
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype.kind not in kinds or dtype.hasobject or (is_fortran and len(shape) > 1):
            raise DataError(f"found `{name}` of type {dtype}, expected plain {_KINDS[kinds]}", GET_AGAIN)
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or stream.tell() + size != entry.file_size:
            raise DataError(
                f"found `{name}` of shape {str(shape)[:60]} in {entry.file_size:,} bytes, expected a "
                "size that fits the shape",
                GET_AGAIN,
            )
        if name != "kp49" and size > _MAX_COLUMN_BYTES:
            raise DataError(f"found {size:,} bytes of `{name}`, expected less than 1 GiB", GET_AGAIN)
        if name == "kp49":
            check_unpacked(size, entry.compress_size, "keypoints")
        return Column(stream, dtype, shape)


def read_values(column: Column, count: int, name: str) -> NDArray[Any]:
    """Read the next values of an array, (count,).

    Raises:
        EOFError: if the file ends too early.
    """
    size = count * column.dtype.itemsize
    data = column.stream.read(size)
    if len(data) < size:
        raise EOFError(f"{name} ends early")
    return np.frombuffer(data, column.dtype)

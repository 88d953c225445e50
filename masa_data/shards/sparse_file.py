"""A file in memory to which HDF5 writes, so that HDF5 is not affected by a full disk.

HDF5 (1.8 to 2.0) ends in a segmentation fault if it cannot write its remaining data when a file is closed. It
therefore writes to memory, where no write fails: only its own structures and the columns of clips. Frames,
the largest part, are written directly, and memory does not grow with their number.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from typing import BinaryIO, Final

from typing_extensions import Buffer

_PAGE: Final = 4096


class _Page:
    """Some bytes of the file, and which of them were written."""

    __slots__ = ("data", "written")

    def __init__(self) -> None:
        self.data = bytearray(_PAGE)
        self.written = bytearray(_PAGE)


class SparseFile(io.RawIOBase):
    """Receives what HDF5 writes, for h5py's driver of file objects. Unwritten parts take no memory."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = defaultdict(_Page)
        self._place = 0
        self._size = 0

    def seekable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, counted from the start, the current position or the end."""
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def write(self, data: Buffer) -> int:
        """Write all of `data` at the current position."""
        view = memoryview(data).cast("B")
        for number, inside, part in self._parts(len(view)):
            page = self._pages[number]
            page.data[inside] = view[part]
            page.written[inside] = b"\1" * (inside.stop - inside.start)
        self._place += len(view)
        self._size = max(self._size, self._place)
        return len(view)

    def readinto(self, buffer: Buffer) -> int:
        """Read from the current position; unwritten bytes are zeros."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._place))
        for number, inside, part in self._parts(count):
            page = self._pages.get(number)
            view[part] = page.data[inside] if page else bytes(inside.stop - inside.start)
        self._place += count
        return count

    def truncate(self, size: int | None = None) -> int:
        """Set the size; HDF5 does this at the end."""
        self._size = self._place if size is None else size
        return self._size

    def copy_to(self, file: BinaryIO) -> None:
        """Write the written parts to the same positions of a file; its other bytes do not change.

        Raises:
            OSError: if the disk is full.
        """
        for number in sorted(self._pages):
            page = self._pages[number]
            for run in re.finditer(rb"\x01+", page.written):
                file.seek(number * _PAGE + run.start())
                file.write(page.data[run.start() : run.end()])
        file.truncate(self._size)

    def _parts(self, length: int) -> list[tuple[int, slice, slice]]:
        """Return the pages of the next `length` bytes: number, slice of the page, slice of the bytes."""
        parts = []
        done = 0
        while done < length:
            number, start = divmod(self._place + done, _PAGE)
            count = min(_PAGE - start, length - done)
            parts.append((number, slice(start, start + count), slice(done, done + count)))
            done += count
        return parts

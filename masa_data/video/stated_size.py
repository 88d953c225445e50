"""The size in bytes that a video file declares, which shows reliably whether a file is truncated.

Durations do not show this: they are those of the longest stream, start at another time, or include removed
parts. MPEG streams, DV, FLV, Ogg, MXF and GIF do not declare their size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

# A file is useless if it lacks more than this share, or if more of its frames cannot be decoded.
USELESS_FROM: Final = 0.1

_MOST_BOXES: Final = 100_000  # a long fragmented recording has about 10,000

_FIRST_BOXES: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"free", b"skip", b"wide", b"pnot", b"uuid"}
)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FACTS: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_IS_BROADCAST: Final = 1


def cut_off(source: Path) -> tuple[str, float] | None:
    """Return a message and the existing share if a file is truncated; else None.

    Raises:
        OSError: if it cannot be read.
    """
    with source.open("rb") as file:
        there = os.fstat(file.fileno()).st_size
        stated = _stated(file, there)
    if stated is None or stated <= there:
        return None
    return f"only {there:,} of {stated:,} bytes exist: the file is truncated", there / stated


def is_useless(share: float) -> bool:
    """Return whether the existing share of a file is too small to use the file."""
    return share < 1 - USELESS_FROM


def _stated(file: BinaryIO, there: int) -> int | None:
    head = file.read(32)
    if head[4:8] in _FIRST_BOXES:
        return _end_of(_boxes(file, there))
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _end_of(_riff_chunks(file, there))
    if head[:4] == _EBML:
        return _end_of_segment(file)
    if head[:16] == _ASF:
        return _asf_size(file)
    if head[:3] == b"FWS":  # a compressed file ("CWS") declares another size
        return int.from_bytes(head[4:8], "little")
    return None


def _end_of(ends: Iterator[int | None]) -> int | None:
    last: int | None = None
    for number, end in enumerate(ends):
        if number == _MOST_BOXES:
            return None
        last = end
    return last


def _boxes(file: BinaryIO, there: int) -> Iterator[int | None]:
    """Yield the end of each box of an MP4 or QuickTime file; None = the end of the file."""
    start = 0
    while start + 8 <= there:
        file.seek(start)
        header = file.read(16)
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if not all(32 <= byte < 127 or byte == 0xA9 for byte in kind):
            return  # the last box is followed by other data
        if size == 0:
            yield None
            return
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < 8:
            return
        start += size
        yield start


def _riff_chunks(file: BinaryIO, there: int) -> Iterator[int | None]:
    """Yield the end of each of an AVI file's outermost chunks; None = unfinished."""
    start = 0
    while start + 8 <= there:
        file.seek(start)
        header = file.read(8)
        if header[:4] != b"RIFF":
            return
        size = int.from_bytes(header[4:8], "little")
        if size in (0, 0xFFFFFFFF):
            yield None
            return
        yield start + 8 + size
        start += 8 + size + size % 2


def _end_of_segment(file: BinaryIO) -> int | None:
    """Return the end of the only segment of a Matroska or WebM file; None = unfinished."""
    file.seek(len(_EBML))
    length = _ebml_size(file)
    if length is None:
        return None
    file.seek(length, os.SEEK_CUR)
    if file.read(4) != _SEGMENT or (size := _ebml_size(file)) is None:
        return None
    return file.tell() + size


def _ebml_size(file: BinaryIO) -> int | None:
    """Return a variable-length number; leading zeros of the first byte give its length; all ones = None."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + rest, "big")
    return None if len(rest) < more or value == (1 << 7 * (more + 1)) - 1 else value


def _asf_size(file: BinaryIO) -> int | None:
    file.seek(24)
    count = int.from_bytes(file.read(4), "little")
    start = 30
    for _ in range(min(count, 1000)):
        file.seek(start)
        header = file.read(92)
        size = int.from_bytes(header[16:24], "little")
        if len(header) < 92 or size < 24:
            return None
        if header[:16] == _ASF_FACTS:
            is_broadcast = int.from_bytes(header[88:92], "little") & _IS_BROADCAST
            return None if is_broadcast else int.from_bytes(header[40:48], "little")
        start += size
    return None

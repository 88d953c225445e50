"""Opens what a file of pose tracks consists of: a shard, its frames mapped into memory; an index of shards.

Nothing that a file says is believed before it was checked: checksums, structure, sizes, names of other files.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from masa_data.disk.os_errors import in_words
from masa_data.errors import DamagedFileError, DataError
from masa_data.shards.contents import RESTORE, Contents
from masa_data.shards.header import read_header
from masa_data.shards.spec import (
    CLIP_COLUMNS,
    FORMAT_VERSION,
    FRAME_COLUMNS,
    MAX_CLIPS,
    MAX_SHARDS,
    OFFSETS,
    SHARD_COLUMNS,
)
from masa_data.shards.version1 import HDF5_SIGNATURE, Version1Reader
from masa_data.shards.writer import ShardEntry


class Shard:
    """One self-contained file: its frame columns mapped, its clip columns read when asked for.

    Attributes:
        contents: the open file.
        offsets: (clips + 1,) where each clip's frames begin.
        clips: their number.
        frames: of all clips together.
        columns: the frame columns by name, each (frames, …), as they are stored.

    Raises:
        DataError: if the file is damaged.
    """

    def __init__(self, contents: Contents) -> None:
        path = contents.path
        rows = contents.rows(OFFSETS)
        if not 2 <= rows <= MAX_CLIPS + 1:
            raise DamagedFileError(f"{path} has {rows - 1:,} clips, expected 1 to {MAX_CLIPS:,}", RESTORE)
        contents.require([OFFSETS], rows)
        self.contents = contents
        self.offsets: NDArray[np.int64] = contents.mapped(OFFSETS)
        if self.offsets[0] != 0 or not (self.offsets[1:] > self.offsets[:-1]).all():
            raise DamagedFileError(f"{path}: clips/offset does not grow from 0", RESTORE)
        self.clips = rows - 1
        self.frames = int(self.offsets[-1])
        contents.require(CLIP_COLUMNS.values(), self.clips)
        contents.require(FRAME_COLUMNS.values(), self.frames)
        self.columns = {name: contents.mapped(column) for name, column in FRAME_COLUMNS.items()}
        self._crc32 = contents.mapped(CLIP_COLUMNS["crc32"])
        self._is_whole = np.zeros(self.clips, bool)

    def clip_column(self, name: str) -> NDArray[Any]:
        """(clips,) what is known about each clip: numbers, or Python strings (dtype object).

        Raises:
            DataError: if a text is not UTF-8.
        """
        return self.contents.values(CLIP_COLUMNS[name])

    def frame_columns(self, number: int) -> dict[str, NDArray[Any]]:
        """The rows of the frame columns of a clip, mapped, whether damaged or not."""
        rows = slice(self.offsets[number], self.offsets[number + 1])
        return {name: column[rows] for name, column in self.columns.items()}

    def is_whole(self, number: int) -> bool:
        """Whether the frames of a clip match their checksum. They are read once."""
        if not self._is_whole[number]:
            crc32 = 0
            for column in self.frame_columns(number).values():
                crc32 = zlib.crc32(column.data, crc32)
            self._is_whole[number] = crc32 == self._crc32[number]
        return bool(self._is_whole[number])

    def forget_pages(self) -> None:
        """Let the system take back the memory behind what was read so far; it is read again when needed."""
        self.contents.pages.madvise(mmap.MADV_DONTNEED)


def open_contents(path: Path, version1: Version1Reader) -> Contents:
    """Open a file of either version and check all but its frames.

    Args:
        path: of the file.
        version1: opens it if it is of version 1.

    Raises:
        DataError: if it is missing, foreign, damaged or of another version, saying which.
        OSError: if it cannot be read.
    """
    try:
        is_file = path.is_file()
    except OSError as error:  # a name that no file can have
        raise in_words(error, str(path)) from None
    if not is_file:
        found = (
            "is a folder" if path.is_dir() else "is a pipe or device" if path.exists() else "does not exist"
        )
        raise DataError(
            f"{path} {found}, expected a file of pose shards",
            "Check the path; masa-extract makes such a file",
        )
    with path.open("rb", buffering=0) as file:
        if file.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            header = read_header(file, path)
            pages = mmap.mmap(file.fileno(), header.bytes, access=mmap.ACCESS_READ)
            return Contents(path, FORMAT_VERSION, header.kind, header.provenance, pages, header.columns)
    return version1.open(path)


def read_entries(contents: Contents) -> list[ShardEntry]:
    """The shards that an index lists, by names that stay in its folder.

    Raises:
        DataError: if there are none, or a name leads elsewhere.
    """
    path = contents.path
    rows = contents.rows(SHARD_COLUMNS["name"])
    if rows > MAX_SHARDS:
        raise DamagedFileError(f"{path} lists {rows:,} shards, expected at most {MAX_SHARDS:,}", RESTORE)
    contents.require(SHARD_COLUMNS.values(), rows)
    columns = [contents.values(column).tolist() for column in SHARD_COLUMNS.values()]
    entries = [ShardEntry(*row) for row in zip(*columns, strict=True)]
    for entry in entries:
        if Path(entry.name).name != entry.name or entry.name in ("", ".", ".."):
            raise DataError(
                f"{path} lists the shard {entry.name!r}, expected a file name without a folder",
                "Do not use this file: masa does not write such names",
            )
    return entries


def open_entry(index: Contents, entry: ShardEntry, version1: Version1Reader) -> Shard:
    """A shard of an index.

    Raises:
        DataError: if it is missing, or not the one that was written with the index.
        OSError: if it cannot be read.
    """
    name = index.path.name
    path = index.path.with_name(entry.name)
    restore = f"Put the shard that was written with {name} back beside it"
    if not path.is_file():
        raise DataError(f"{path}, which {name} lists, is missing", restore)
    if path.stat().st_size != entry.bytes:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes, {name} lists it with {entry.bytes:,}", restore
        )
    contents = open_contents(path, version1)
    if contents.kind != "shard" or contents.provenance.differences(index.provenance):
        raise DataError(f"{path} does not belong to {name}", restore)
    shard = Shard(contents)
    if shard.clips != entry.clips:
        raise DataError(f"{path} has {shard.clips} clips, {name} lists {entry.clips}", restore)
    return shard

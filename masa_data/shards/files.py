"""Opens the parts of a file of pose tracks: a shard, with frames mapped into memory; an index of shards.

All content is checked before it is used: checksums, structure, sizes, names of other files.
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
    """One self-contained file: its frame columns are mapped, its clip columns are read on request.

    Attributes:
        contents: the open file.
        offsets: (clips + 1,) first frame of each clip, and the end.
        clips: number of clips.
        frames: number of frames of all clips together.
        columns: the frame columns by name, each (frames, …), as stored.

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
        """Return a property of each clip, (clips,): numbers, or Python strings (dtype object).

        Raises:
            DataError: if a text is not UTF-8.
        """
        return self.contents.values(CLIP_COLUMNS[name])

    def frame_columns(self, number: int) -> dict[str, NDArray[Any]]:
        """Return the rows of the frame columns of a clip, mapped; their checksum is not verified."""
        rows = slice(self.offsets[number], self.offsets[number + 1])
        return {name: column[rows] for name, column in self.columns.items()}

    def is_whole(self, number: int) -> bool:
        """Return whether the frames of a clip match their checksum. Reads them once."""
        if not self._is_whole[number]:
            crc32 = 0
            for column in self.frame_columns(number).values():
                crc32 = zlib.crc32(column.data, crc32)
            self._is_whole[number] = crc32 == self._crc32[number]
        return bool(self._is_whole[number])

    def forget_pages(self) -> None:
        """Allow the system to release the memory of data read so far; it is read again when needed."""
        self.contents.pages.madvise(mmap.MADV_DONTNEED)


def open_contents(path: Path, version1: Version1Reader) -> Contents:
    """Open a file of either version and check everything except its frames.

    Args:
        path: path of the file.
        version1: opens files of version 1.

    Raises:
        DataError: if it is missing, damaged, of another format or of another version; the message says which.
        OSError: if it cannot be read.
    """
    try:
        is_file = path.is_file()
    except OSError as error:  # not a valid file name
        raise in_words(error, str(path)) from None
    if not is_file:
        found = (
            "is a folder" if path.is_dir() else "is a pipe or device" if path.exists() else "does not exist"
        )
        raise DataError(
            f"{path} {found}, expected a file of pose shards",
            "Check the path; masa-extract creates such files",
        )
    with path.open("rb", buffering=0) as file:
        if file.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            header = read_header(file, path)
            pages = mmap.mmap(file.fileno(), header.bytes, access=mmap.ACCESS_READ)
            return Contents(path, FORMAT_VERSION, header.kind, header.provenance, pages, header.columns)
    return version1.open(path)


def read_entries(contents: Contents) -> list[ShardEntry]:
    """Return the shards that an index lists; their names cannot lead to another folder.

    Raises:
        DataError: if there are none, or a name leads to another folder.
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
                "Do not use this file: masa never writes such names",
            )
    return entries


def open_entry(index: Contents, entry: ShardEntry, version1: Version1Reader) -> Shard:
    """Open a shard of an index.

    Raises:
        DataError: if it is missing, or was not written together with the index.
        OSError: if it cannot be read.
    """
    name = index.path.name
    path = index.path.with_name(entry.name)
    restore = f"Restore the shard that was written with {name}, next to it"
    if not path.is_file():
        raise DataError(f"{path}, which {name} lists, is missing", restore)
    if path.stat().st_size != entry.bytes:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes, but {name} lists it with {entry.bytes:,}", restore
        )
    contents = open_contents(path, version1)
    if contents.kind != "shard" or contents.provenance.differences(index.provenance):
        raise DataError(f"{path} does not belong to {name}", restore)
    shard = Shard(contents)
    if shard.clips != entry.clips:
        raise DataError(f"{path} has {shard.clips} clips, {name} lists {entry.clips}", restore)
    return shard

"""Opens what a file of pose tracks consists of: a shard, its frames mapped into memory; an index of shards.

Nothing that a file says is believed before it was checked: structure, sizes, names of other files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.spec import (
    CLIP_COLUMNS,
    FRAME_COLUMNS,
    OFFSETS,
    SHARD_COLUMNS,
    Column,
    Provenance,
    checked_dataset,
    read_header,
)
from masa_data.shards.writer import ShardEntry


class Shard:
    """One self-contained file: its frame columns mapped, its clip columns read when asked for.

    Attributes:
        path: of the file.
        provenance: what it says about all its clips.
        offsets: (clips + 1,) where each clip's frames begin.
        clips: their number.
        frames: of all clips together.
        columns: the frame columns by name, each (frames, …), as they are stored.

    Raises:
        DataError: if the file is damaged.
    """

    def __init__(self, path: Path, provenance: Provenance, file: h5py.File) -> None:
        self.path = path
        self.provenance = provenance
        self.offsets = _values(checked_dataset(file, path, OFFSETS, None), path)
        if len(self.offsets) == 0 or self.offsets[0] != 0 or (np.diff(self.offsets) <= 0).any():
            raise DataError(f"{path}: clips/offset does not grow from 0", "The file is damaged")
        self.clips = len(self.offsets) - 1
        self.frames = int(self.offsets[-1])
        for column in CLIP_COLUMNS.values():
            checked_dataset(file, path, column, self.clips)
        self.columns = {
            name: _mapped(checked_dataset(file, path, column, self.frames), path, column)
            for name, column in FRAME_COLUMNS.items()
        }

    def clip_column(self, name: str) -> NDArray[Any]:
        """(clips,) what is known about each clip: numbers, or Python strings (dtype object)."""
        with open_to_read(self.path) as file:
            return _values(checked_dataset(file, self.path, CLIP_COLUMNS[name], self.clips), self.path)


def open_to_read(path: Path) -> h5py.File:
    """Open a file to read.

    Raises:
        DataError: if it cannot be opened, saying why.
    """
    if not path.is_file():
        raise DataError(
            f"{path} {'is a folder' if path.is_dir() else 'does not exist'}, expected a file of pose shards",
            "Check the path; masa-extract makes such a file",
        )
    try:
        # Locks fail on many network file systems; finished files are never written to again.
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        why = "is truncated" if "truncated" in str(error) else "is not an HDF5 file or is damaged"
        raise DataError(
            f"{path} {why}", "Copy it again from where it was complete, or extract the videos again"
        ) from None


def read_entries(file: h5py.File, path: Path) -> list[ShardEntry]:
    """The shards that an index lists, by names that stay in its folder.

    Raises:
        DataError: if there are none, or a name leads elsewhere.
    """
    names = _values(checked_dataset(file, path, SHARD_COLUMNS["name"], None), path)
    columns = [
        _values(checked_dataset(file, path, column, len(names)), path).tolist()
        for column in SHARD_COLUMNS.values()
    ]
    entries = [ShardEntry(*row) for row in zip(*columns, strict=True)]
    if not entries:
        raise DataError(f"{path} is an index without shards", "The file is damaged")
    for entry in entries:
        if Path(entry.name).name != entry.name or entry.name in ("", ".", ".."):
            raise DataError(
                f"{path} lists the shard {entry.name!r}, expected a file name without a folder",
                "Do not use this file: masa does not write such names",
            )
    return entries


def open_entry(index: Path, provenance: Provenance, entry: ShardEntry) -> Shard:
    """A shard of an index.

    Raises:
        DataError: if it is missing, or not the one that was written with the index.
    """
    path = index.with_name(entry.name)
    restore = f"Put the shard that was written with {index.name} back beside it"
    if not path.is_file():
        raise DataError(f"{path}, which {index.name} lists, is missing", restore)
    if path.stat().st_size != entry.bytes:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes, {index.name} lists it with {entry.bytes:,}", restore
        )
    with open_to_read(path) as file:
        kind, found = read_header(file, path)
        if kind != "shard" or found.differences(provenance):
            raise DataError(f"{path} does not belong to {index.name}", restore)
        shard = Shard(path, found, file)
    if shard.clips != entry.clips:
        raise DataError(f"{path} has {shard.clips} clips, {index.name} lists {entry.clips}", restore)
    return shard


def _values(dataset: h5py.Dataset, path: Path) -> NDArray[Any]:
    """All values of a clip column; strings as Python strings."""
    try:
        if h5py.check_string_dtype(dataset.dtype):
            return np.array(dataset.asstr()[()], dtype=object)
        return np.asarray(dataset[()])
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {dataset.name} cannot be read ({error})", "The file is damaged") from None


def _mapped(dataset: h5py.Dataset, path: Path, column: Column) -> NDArray[Any]:
    """Map a contiguous frame column into memory."""
    if dataset.shape[0] == 0:
        return np.empty(dataset.shape, column.dtype)
    offset = dataset.id.get_offset()
    if offset is None or offset + dataset.nbytes > path.stat().st_size:
        raise DataError(f"{path}: {column.path} reaches past the end of the file", "Copy the file again")
    return np.memmap(path, column.dtype, "r", offset, dataset.shape).view(np.ndarray)

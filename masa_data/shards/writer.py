"""Writes shard files and indexes, completely or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import h5py
import numpy as np

from masa_data.disk.hashing import file_sha256
from masa_data.disk.new_files import new_file
from masa_data.shards.contents import Place
from masa_data.shards.header import room_for_header, write_header
from masa_data.shards.quantize import StoredTrack
from masa_data.shards.sparse_file import SparseFile
from masa_data.shards.spec import (
    CLIP_COLUMNS,
    FORMAT_NAME,
    FORMAT_VERSION,
    FRAME_COLUMNS,
    OFFSETS,
    SHARD_COLUMNS,
    STRING,
    Column,
)
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import INFO_FIELDS

_SHARD_COLUMNS: Final = (*FRAME_COLUMNS.values(), *CLIP_COLUMNS.values(), OFFSETS)
_FRAMES_A_WRITE: Final = 8192
_ALIGNMENT: Final = 4096  # bytes; lets readers map the frame columns at page boundaries


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One entry of an index: a shard's file name, size in bytes, SHA-256 and number of clips."""

    name: str
    bytes: int
    sha256: str
    clips: int


def write_shard(path: Path, provenance: Provenance, tracks: Iterable[StoredTrack], frames: int) -> None:
    """Write tracks to a self-contained file.

    The same tracks produce the same bytes. The file is written next to `path` and then renamed, so that
    `path` is never incomplete; HDF5 itself does not write to the disk (sparse_file.py).

    Args:
        path: file to create or replace.
        provenance: provenance of all tracks.
        tracks: tracks in their final order; read one by one.
        frames: number of frames of all tracks together.

    Raises:
        DataError: if the properties of the clips are too large for one file.
        OSError: if the disk is full or the folder cannot be written; `path` is unchanged.
    """
    room = room_for_header("shard", provenance, [column.path for column in _SHARD_COLUMNS])
    with new_file(path) as temporary:
        with temporary.open("wb") as rows, _hdf5(rows, room) as file:
            _write_attributes(file, "shard", provenance)
            _write_tracks(file, rows, tracks, frames)
            places = _places(file, _SHARD_COLUMNS)
        write_header(temporary, room, "shard", provenance, places)


def write_index(path: Path, provenance: Provenance, shards: Sequence[ShardEntry]) -> None:
    """Write the index of a dataset of several shards, which are in the same folder.

    Raises:
        OSError: as `write_shard`.
    """
    columns = SHARD_COLUMNS.values()
    room = room_for_header("index", provenance, [column.path for column in columns])
    with new_file(path) as temporary:
        with temporary.open("wb") as target, _hdf5(target, room) as file:
            _write_attributes(file, "index", provenance)
            for name, column in SHARD_COLUMNS.items():
                _write_column(file, column, [getattr(shard, name) for shard in shards])
            places = _places(file, columns)
        write_header(temporary, room, "index", provenance, places)


def shard_entry(path: Path, clips: int) -> ShardEntry:
    """Return the index entry of a finished shard."""
    return ShardEntry(path.name, path.stat().st_size, file_sha256(path), clips)


@contextmanager
def _hdf5(target: BinaryIO, room: int) -> Iterator[h5py.File]:
    """Open an HDF5 file to fill; at the end, HDF5's output is written to `target`, outside HDF5.

    Args:
        target: file to write to.
        room: bytes at the beginning that HDF5 leaves free for the header.

    Raises:
        OSError: if the disk is full.
    """
    made = SparseFile()
    aligned = {"alignment_threshold": _ALIGNMENT, "alignment_interval": _ALIGNMENT}
    with h5py.File(made, "w", libver="latest", userblock_size=room, **aligned) as file:
        yield file
    made.copy_to(target)


def _write_tracks(file: h5py.File, rows: BinaryIO, tracks: Iterable[StoredTrack], frames: int) -> None:
    # HDF5 determines the location of each column; the rows themselves are written without HDF5.
    at_once = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    at_once.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    at_once.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    places = {
        name: file.create_dataset(
            column.path, (frames, *column.row_shape), column.dtype, dcpl=at_once.copy()
        ).id.get_offset()
        for name, column in FRAME_COLUMNS.items()
    }
    clip_values: dict[str, list[object]] = {name: [] for name in CLIP_COLUMNS}
    offsets = [0]
    waiting: list[StoredTrack] = []
    written = 0

    def flush() -> None:
        nonlocal written
        if waiting:
            for name, column in FRAME_COLUMNS.items():
                block = np.concatenate([getattr(track, name) for track in waiting]).astype(column.dtype)
                rows.seek(places[name] + written * (block.nbytes // len(block)))
                rows.write(block.tobytes())
            written = offsets[-1]
            waiting.clear()

    for track in tracks:
        for name in INFO_FIELDS:
            clip_values[name].append(getattr(track.info, name))
        clip_values["clamped"].append(track.clamped)
        clip_values["crc32"].append(track.crc32())
        offsets.append(offsets[-1] + len(track.frame_index))
        waiting.append(track)
        if offsets[-1] - written >= _FRAMES_A_WRITE:
            flush()
    flush()
    assert written == frames, f"expected {frames} frames, found {written}"
    for name, column in CLIP_COLUMNS.items():
        _write_column(file, column, clip_values[name])
    _write_column(file, OFFSETS, offsets)


def _write_attributes(file: h5py.File, kind: Literal["shard", "index"], provenance: Provenance) -> None:
    """Write the attributes for readers that use an HDF5 library; the header has the same content."""
    file.attrs["format"] = FORMAT_NAME
    file.attrs["version"] = FORMAT_VERSION
    file.attrs["kind"] = kind
    file.attrs["provenance"] = provenance.model_dump_json()
    file.attrs["keypoint_names"] = json.dumps(KEYPOINT_NAMES)


def _write_column(file: h5py.File, column: Column, values: Sequence[object]) -> None:
    if column.dtype == STRING:
        # Texts of equal length, so that they are contiguous like all other columns.
        texts = [str(value).encode() for value in values]
        dtype = h5py.string_dtype("utf-8", max(1, *map(len, texts)))
        file.create_dataset(column.path, data=np.array(texts, dtype=dtype))
    else:
        file.create_dataset(column.path, data=np.array(values, dtype=column.dtype))


def _places(file: h5py.File, columns: Iterable[Column]) -> dict[str, Place]:
    """Return the locations of columns in a file that is being written."""
    return {
        column.path: Place(
            dtype=file[column.path].dtype.str,
            shape=file[column.path].shape,
            offset=file[column.path].id.get_offset(),
        )
        for column in columns
    }

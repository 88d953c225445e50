"""The header of a file of version 2: content, locations, and checksums of all stored data.

It is in the HDF5 user block, which HDF5 libraries skip: a line with the version and the size of the header, a
line of JSON, zeros, and at the end the SHA-256 of these. So this package reads a file without an HDF5 parser,
and verifies that no byte was changed before it uses any.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from masa_data.errors import DamagedFileError, DataError
from masa_data.shards.contents import RESTORE, Place
from masa_data.shards.spec import (
    CLIP_COLUMNS,
    FORMAT_NAME,
    FORMAT_VERSION,
    FRAME_COLUMNS,
    OFFSETS,
    SHARD_COLUMNS,
    STRING,
)
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS

# HDF5 searches for its own signature at 0, 512, 1024, 2048, …
_LEAST_BYTES: Final = 4096
_MOST_BYTES: Final = 1 << 20
# Maximum size of the content apart from frames; all of it is read when a file is opened.
_MOST_BESIDE_FRAMES: Final = 1 << 30
_FIRST_LINE: Final = re.compile(rb"%s (\d{1,6}) (\d{1,7})\n" % FORMAT_NAME.encode())
_BLOCK: Final = 1 << 20
_DIGITS: Final = 64  # hex digits of a SHA-256
_NUMBERS: Final = frozenset(
    np.dtype(column.dtype).str
    for column in (*FRAME_COLUMNS.values(), *CLIP_COLUMNS.values(), *SHARD_COLUMNS.values(), OFFSETS)
    if column.dtype != STRING
)
_FRAMES: Final = frozenset(column.path for column in FRAME_COLUMNS.values())


class Header(BaseModel):
    """The content of a header's JSON.

    Attributes:
        kind: "shard" (contains clips) or "index" (lists shards).
        keypoint_names: names of the skeleton's keypoints, in order.
        provenance: provenance of the clips.
        columns: location of each dataset, by its path.
        bytes: size of the whole file.
        sha256: SHA-256 of the file without the header and the frame datasets; these have a checksum per clip.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["shard", "index"]
    keypoint_names: tuple[str, ...] = KEYPOINT_NAMES
    provenance: Provenance
    columns: dict[str, Place]
    bytes: int
    sha256: str


def room_for_header(
    kind: Literal["shard", "index"], provenance: Provenance, columns: Collection[str], dimensions: int = 3
) -> int:
    """Return a size of the user block that is large enough for the header of such a file.

    Raises:
        DataError: if the provenance is larger than a header may be.
    """
    far = Place(dtype="|S99999", shape=(10**18,) * dimensions, offset=10**18)
    longest = Header(
        kind=kind,
        provenance=provenance,
        columns=dict.fromkeys(columns, far),
        bytes=10**18,
        sha256="0" * _DIGITS,
    )
    needed = len(longest.model_dump_json().encode()) + 3 * _DIGITS
    room = max(_LEAST_BYTES, 1 << (needed - 1).bit_length())
    if room > _MOST_BYTES:
        raise DataError(
            f"the provenance takes {needed:,} bytes, expected at most {_MOST_BYTES:,}",
            "Shorten the notes or settings",
        )
    return room


def write_header(
    path: Path,
    room: int,
    kind: Literal["shard", "index"],
    provenance: Provenance,
    columns: Mapping[str, Place],
) -> None:
    """Write the header into the empty user block of an otherwise complete file.

    Args:
        path: path of the file.
        room: size of its user block in bytes.
        kind: "shard" or "index".
        provenance: provenance of its clips.
        columns: locations of its datasets.

    Raises:
        DataError: if the properties of its clips are larger than a reader accepts.
        OSError: if the file cannot be read or written.
    """
    with path.open("r+b", buffering=0) as file:
        size = file.seek(0, 2)
        beside = size - room - sum(columns[name].bytes for name in _FRAMES & columns.keys())
        if beside > _MOST_BESIDE_FRAMES:
            raise DataError(
                f"the file would contain {beside:,} bytes besides its frames, expected at most "
                f"{_MOST_BESIDE_FRAMES:,}",
                "Shorten the longest paths and glosses, or write shards ({shard_clips})",
                shard_clips=...,
            )
        header = Header(
            kind=kind,
            provenance=provenance,
            columns=dict(columns),
            bytes=size,
            sha256=_sha256_beside_frames(file, room, size, columns),
        )
        text = b"%s %d %d\n%s\n" % (
            FORMAT_NAME.encode(),
            FORMAT_VERSION,
            room,
            header.model_dump_json().encode(),
        )
        head = text.ljust(room - _DIGITS, b"\0")
        head += hashlib.sha256(head).hexdigest().encode()
        file.seek(0)
        while head:  # an unbuffered write may write only a part
            head = head[file.write(head) :]


def read_header(file: BinaryIO, path: Path) -> Header:
    """Read the header of an open file; verify the checksums of the header and of everything but frames.

    Raises:
        DataError: if it has another format, version or skeleton, or is truncated or changed.
        OSError: if it cannot be read.
    """
    size = file.seek(0, 2)
    file.seek(0)
    first_line = _FIRST_LINE.match(file.read(_DIGITS))
    if first_line is None:
        raise DamagedFileError(f"{path} is not an HDF5 file of pose shards, or is damaged", RESTORE)
    version, room = map(int, first_line.groups())
    if version != FORMAT_VERSION:
        raise DataError(
            f"{path} is of format version {version}, this installation reads versions 1 and {FORMAT_VERSION}",
            "Run `pip install --upgrade masa-slr`, or extract the videos again with this version"
            if version > FORMAT_VERSION
            else "No release wrote this version: the file is damaged; download or extract it again",
        )
    if not _DIGITS < room <= _MOST_BYTES:
        raise DamagedFileError(f"{path} is damaged: it declares a header of {room:,} bytes", RESTORE)
    file.seek(0)
    head = file.read(room)
    if len(head) < room:
        raise DamagedFileError(f"{path} is truncated within its header", RESTORE)
    if hashlib.sha256(head[:-_DIGITS]).hexdigest().encode() != head[-_DIGITS:]:
        raise DamagedFileError(
            f"{path}: its header does not match its checksum: the file is damaged", RESTORE
        )
    header = _parsed(head[first_line.end() : -_DIGITS].rstrip(b"\0"), path)
    if header.bytes != size:
        what = "is truncated" if size < header.bytes else "was changed"
        raise DamagedFileError(
            f"{path} {what}: it has {size:,} bytes, but its header declares {header.bytes:,}", RESTORE
        )
    _check_places(header, path, room)
    if _sha256_beside_frames(file, room, size, header.columns) != header.sha256:
        raise DamagedFileError(
            f"{path} is damaged or was changed after it was written: it does not match its checksum", RESTORE
        )
    return header


def _parsed(text: bytes, path: Path) -> Header:
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path}: its header cannot be read ({where:.100}: {first['msg']:.200})",
            "It was written by a later version of masa, or by hand; upgrade, or extract the videos again",
        ) from None
    if header.keypoint_names != KEYPOINT_NAMES:
        raise DataError(
            f"{path} has another skeleton than the {NUM_KEYPOINTS} keypoints of {FORMAT_NAME} "
            f"version {FORMAT_VERSION}",
            "Extract the videos again with this version",
        )
    return header


def _check_places(header: Header, path: Path, room: int) -> None:
    """Check that datasets do not overlap, and that the hashed part is not too large."""
    end = room
    for place in sorted(header.columns.values(), key=lambda place: place.offset):
        is_text = re.fullmatch(r"\|S[1-9][0-9]{0,4}", place.dtype)
        if (
            not (is_text or place.dtype in _NUMBERS)
            or len(place.shape) > 3
            or min(place.shape, default=0) < 0
        ):
            raise DamagedFileError(f"{path}: its header has an invalid location: {place!r:.200}", RESTORE)
        if place.offset < end or place.offset + place.bytes > header.bytes:
            raise DamagedFileError(f"{path}: its datasets overlap or extend past its end", RESTORE)
        end = place.offset + place.bytes
    frames = sum(header.columns[name].bytes for name in _FRAMES & header.columns.keys())
    if header.bytes - room - frames > _MOST_BESIDE_FRAMES:
        raise DataError(
            f"{path} contains {header.bytes - room - frames:,} bytes besides its frames, expected at most "
            f"{_MOST_BESIDE_FRAMES:,}",
            "Do not use this file: masa never writes such files",
        )


def _sha256_beside_frames(file: BinaryIO, room: int, size: int, columns: Mapping[str, Place]) -> str:
    """Return the SHA-256 of the file without the header and the frame datasets, which must not overlap."""
    digest = hashlib.sha256()
    frames = sorted(
        (columns[name].offset, columns[name].offset + columns[name].bytes)
        for name in _FRAMES & columns.keys()
    )
    start = room
    for begin, end in [*frames, (size, size)]:
        file.seek(start)
        while start < begin and (block := file.read(min(_BLOCK, begin - start))):
            digest.update(block)
            start += len(block)
        start = end
    return digest.hexdigest()

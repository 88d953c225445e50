"""The journal of an unfinished extraction: finished clips, appended one by one.

If a process is killed, at most the last record is incomplete; its checksum shows this when the journal is
opened, and the record is removed. Each record is

    magic "MASA" · length of JSON (u32) · frames (u32) · CRC-32 of the rest (u32) · JSON · frame columns

where the JSON contains the clip's ClipInfo, its number of clamped keypoints and the range of its raw scores.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from typing_extensions import Self

from masa_data.shards.quantize import StoredTrack
from masa_data.shards.spec import FRAME_COLUMNS
from masa_data.tracks.track import ClipInfo

_HEADER: Final = struct.Struct("<4sIII")
_MAGIC: Final = b"MASA"
_BYTES_PER_FRAME: Final = sum(
    np.dtype(column.dtype).itemsize * int(np.prod(column.row_shape)) for column in FRAME_COLUMNS.values()
)


class Journal:
    """An append-only file of StoredTracks with random access by clip id."""

    def __init__(self, path: Path) -> None:
        """Open `path`, or create it; the first damaged record and all later ones are removed."""
        self._file = path.open("a+b", buffering=0)
        self._clips: dict[str, tuple[int, int]] = {}  # id -> position, frames
        self._raw_scores: dict[str, tuple[float, float] | None] = {}
        self._sources: dict[str, tuple[str, str]] = {}
        end = 0
        self._file.seek(0)
        while (record := self._read_record(end)) is not None:
            track, raw_scores, following = record
            self._clips[track.info.id] = (end, len(track.frame_index))
            self._raw_scores[track.info.id] = raw_scores
            self._sources[track.info.id] = (track.info.path, track.info.source_sha256)
            end = following
        self._file.truncate(end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._clips

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips)

    def __len__(self) -> int:
        return len(self._clips)

    def frames(self, clip_id: str) -> int:
        """Return the number of frames of a clip."""
        return self._clips[clip_id][1]

    def raw_scores(self, clip_id: str) -> tuple[float, float] | None:
        """Return the lowest and highest score from which a clip's confidence was computed; None = unknown."""
        return self._raw_scores[clip_id]

    def source(self, clip_id: str) -> tuple[str, str]:
        """Return path and SHA-256 of the source of a clip."""
        return self._sources[clip_id]

    def append(self, track: StoredTrack, raw_scores: tuple[float, float] | None = None) -> None:
        """Add a clip and pass it to the operating system, so that it is kept if this process ends.

        It replaces a clip with the same id.

        Args:
            track: the clip.
            raw_scores: lowest and highest score from which its confidence was computed; None = unknown.

        Raises:
            OSError: if the disk is full; the incomplete record is removed.
        """
        facts = {"info": asdict(track.info), "clamped": track.clamped, "raw_scores": raw_scores}
        text = json.dumps(facts).encode()
        body = text + track.payload()
        record = _HEADER.pack(_MAGIC, len(text), len(track.frame_index), zlib.crc32(body)) + body
        start = self._file.seek(0, 2)
        try:
            while record:  # an unbuffered write may write only a part
                record = record[self._file.write(record) :]
        except OSError:
            self._file.truncate(start)
            raise
        self._clips[track.info.id] = (start, len(track.frame_index))
        self._raw_scores[track.info.id] = raw_scores
        self._sources[track.info.id] = (track.info.path, track.info.source_sha256)

    def clear(self) -> None:
        """Remove all clips."""
        self._file.truncate(0)
        self._clips.clear()
        self._raw_scores.clear()
        self._sources.clear()

    def read(self, clip_id: str) -> StoredTrack:
        """Read a clip.

        Raises:
            KeyError: if there is no such clip.
            OSError: if another process changed the file.
        """
        record = self._read_record(self._clips[clip_id][0])
        if record is None:
            raise OSError(f"{self._file.name}: the record of clip {clip_id!r} can no longer be read")
        return record[0]

    def _read_record(self, position: int) -> tuple[StoredTrack, tuple[float, float] | None, int] | None:
        """Return track and raw scores at `position`, and the next position; None if the record is invalid."""
        self._file.seek(position)
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        magic, text_bytes, frames, crc = _HEADER.unpack(header)
        length = text_bytes + frames * _BYTES_PER_FRAME
        remaining = self._file.seek(0, 2) - position - _HEADER.size
        if magic != _MAGIC or length > remaining:
            return None
        self._file.seek(position + _HEADER.size)
        body = self._file.read(length)
        if zlib.crc32(body) != crc:
            return None
        record = json.loads(body[:text_bytes])
        track = StoredTrack.of_payload(
            ClipInfo(**record["info"]), memoryview(body)[text_bytes:], frames, record["clamped"]
        )
        # A journal of an earlier version has no raw scores.
        lowest_and_highest = record.get("raw_scores")
        raw_scores = (lowest_and_highest[0], lowest_and_highest[1]) if lowest_and_highest else None
        return track, raw_scores, position + _HEADER.size + length

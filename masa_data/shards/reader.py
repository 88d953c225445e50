"""Reads pose shards: one clip by id or number, or a column of a property of all clips.

Opening checks all stored data except the frames, and maps the file into memory; the frames of a clip are
checked when it is first read. A reader can be shared by forked processes and sent to spawned ones.
"""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from masa_data.disk.hashing import file_sha256
from masa_data.errors import DamagedFileError, DataError
from masa_data.shards.contents import RESTORE
from masa_data.shards.files import Shard, open_contents, open_entry, read_entries
from masa_data.shards.overview import ClipOverview, unknown_clip
from masa_data.shards.quantize import StoredTrack, restore_box, restore_confidence, restore_positions
from masa_data.shards.version1 import Version1Reader
from masa_data.shards.writer import ShardEntry
from masa_data.texts import one_form
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import INFO_FIELDS, ClipInfo, PoseTrack

# Columns with few different values: equal strings share one object.
_REPETITIVE: Final = ("corpus", "gloss", "split", "signer")
# Pages of the file that were read count as memory of this process until they are released.
CLIPS_BETWEEN_PAGES: Final = 500


class PoseShards(ClipOverview, Mapping[str, PoseTrack]):
    """A dataset of pose tracks: a mapping from clip id to PoseTrack, in the order of the file.

    Open it with `masa_data.open`. A clip can also be read by its number (`track`), as training does, and the
    properties of all clips are available as arrays (`column`), as a pandas table (`to_pandas`) or as a list
    of glosses (`glosses`).

    Attributes:
        path: path of the open file.
        provenance: estimator, sampling and split rule of all clips.
        shards: the index's list of shards; empty if the file is self-contained.
        lengths: (N,) number of frames of each clip.
    """

    def __init__(
        self, path: Path, provenance: Provenance, parts: list[Shard], shards: list[ShardEntry]
    ) -> None:
        self.path = path
        self.provenance = provenance
        self.shards = shards
        self._parts = parts
        self._first_clips = [0, *accumulate(part.clips for part in parts)]
        self._columns: dict[str, NDArray[Any]] = {}
        self.lengths: NDArray[np.int64] = np.concatenate([np.diff(part.offsets) for part in parts])

    @classmethod
    def open(cls, path: str | Path, version1: Version1Reader | None = None) -> PoseShards:
        """Open a file, or an index with all its shards, and check all stored data except the frames.

        Args:
            path: a file that masa-extract wrote.
            version1: opens files of version 1; with one reader for several files, one process is started.

        Raises:
            DataError: if the file, or a shard that it lists, is missing, truncated, changed, or of
                another format or version.
            OSError: if it cannot be read.
        """
        if version1 is None:
            with Version1Reader() as version1:
                return cls.open(path, version1)
        contents = open_contents(Path(path), version1)
        if contents.kind == "shard":
            return cls(contents.path, contents.provenance, [Shard(contents)], [])
        entries = read_entries(contents)
        parts = [open_entry(contents, entry, version1) for entry in entries]
        return cls(contents.path, contents.provenance, parts, entries)

    def close(self) -> None:
        """Close the mapped files; tracks that were read before remain valid."""
        self._parts = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return PoseShards.open, (self.path.absolute(),)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __getitem__(self, clip_id: str) -> PoseTrack:
        """Return the clip with this id.

        Raises:
            UnknownClipError: if there is none, also a KeyError; the message shows similar ids.
            DataError: if its frames do not match their checksum.
        """
        self.require(clip_id)
        return self.track(self._numbers[clip_id])

    def get(self, clip_id: str, default: Any = None) -> Any:  # noqa: ANN401  # as a mapping's
        """Return the clip with this id, or `default` if there is none."""
        return self.track(self._numbers[clip_id]) if clip_id in self else default

    def require(self, clip_id: str) -> None:
        """Check that there is a clip with this id, without reading it.

        Raises:
            UnknownClipError: if there is none, also a KeyError; the message shows similar ids.
        """
        if clip_id not in self:
            raise unknown_clip(clip_id, self, self.path)

    def __contains__(self, clip_id: object) -> bool:
        return isinstance(clip_id, str) and clip_id in self._numbers

    def _sources(self) -> dict[str, str]:
        if not self._parts:
            return {}
        estimator = self.provenance.estimator
        return {"file": str(self.path), "estimator": f"{estimator.name} {estimator.version}"}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        ids = self.column("id").tolist()
        numbers = {clip_id: number for number, clip_id in enumerate(ids)}
        if len(numbers) != len(ids):
            raise DataError(f"{self.path}: two clips have the same id", "Extract the videos again")
        return numbers

    def column(self, name: str) -> NDArray[Any]:
        """Return a property of all clips as an array.

        Args:
            name: a field of ClipInfo, "clamped" or "crc32".

        Returns:
            (N,) array: numbers, or Python strings (dtype object).

        Raises:
            DataError: if the column cannot be read.
        """
        if name not in self._columns:
            values = self._stored_column(name)
            if name in _REPETITIVE:
                values = np.array([sys.intern(one_form(value)) for value in values.tolist()], dtype=object)
            self._columns[name] = values
        return self._columns[name]

    def _stored_column(self, name: str) -> NDArray[Any]:
        return np.concatenate([part.clip_column(name) for part in self._parts])

    def info(self, number: int) -> ClipInfo:
        """Return the properties of clip `number` (0 ≤ number < N).

        Raises:
            IndexError: if there is no such clip.
            DataError: if the stored values are inconsistent.
        """
        values = {name: self._python_columns[name][number] for name in INFO_FIELDS}
        values["several_people"] = bool(values["several_people"])
        return ClipInfo(**values)

    def track(self, number: int) -> PoseTrack:
        """Return clip `number` (0 ≤ number < N) in source pixels.

        Raises:
            IndexError: if there is no such clip.
            DataError: if its frames do not match their checksum, or the stored values are inconsistent.
        """
        info = self.info(number)
        columns = self._frame_columns(number)
        return PoseTrack(
            info,
            restore_positions(columns["positions"], columns["confidence"], max(info.width, info.height)),
            restore_confidence(columns["confidence"]),
            columns["frame_index"].copy(),
            columns["time"].copy(),
            restore_box(columns["box"], max(info.width, info.height)),
            self.provenance.estimator,
        )

    def stored(self, number: int) -> StoredTrack:
        """Return clip `number` as stored: quantized, and mapped instead of copied.

        Raises:
            IndexError: if there is no such clip.
            DataError: if its frames do not match their checksum, or the stored values are inconsistent.
        """
        clamped = self.column("clamped")[number]
        return StoredTrack(self.info(number), **self._frame_columns(number), clamped=int(clamped))

    def frames_of(self, numbers: Sequence[int]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Return the stored frames of several clips, concatenated; training uses this.

        Args:
            numbers: numbers of the clips, in any order.

        Returns:
            copies of (F, 49, 2) positions and (F, 49) confidence, in the steps of quantize.py.

        Raises:
            IndexError: if there is no such clip.
            DataError: if its frames do not match their checksum.
        """
        columns = [self._frame_columns(number) for number in numbers]
        return (
            np.concatenate([column["positions"] for column in columns]),
            np.concatenate([column["confidence"] for column in columns]),
        )

    def forget_pages(self) -> None:
        """Allow the system to release the memory of frames read so far; they are read again when needed.

        Use it when reading a file that is larger than memory from beginning to end.
        """
        for part in self._parts:
            part.forget_pages()

    @property
    def versions(self) -> set[int]:
        """Return the format versions of its files."""
        return {part.contents.version for part in self._parts}

    def damaged_clips(self) -> list[str]:
        """Return the ids of clips whose stored frames do not match their checksum. Reads everything."""
        places = map(self._place, range(len(self)))
        return [
            clip_id for clip_id, (part, number) in zip(self, places, strict=True) if not part.is_whole(number)
        ]

    def damaged_shards(self) -> list[str]:
        """Return the names of shards whose bytes do not match the index. Reads everything."""
        return [
            entry.name
            for entry in self.shards
            if file_sha256(self.path.with_name(entry.name)) != entry.sha256
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all clips' keypoints, labels and splits: equal for equal data, however it is sharded."""
        digest = hashlib.sha256(
            # Default values of fields that were added later are not hashed, to keep older fingerprints.
            self.provenance.estimator.model_dump_json(exclude_defaults=True).encode()
        )
        for name in ("id", "crc32", "corpus", "gloss", "label", "split", "signer"):
            values = self._stored_column(name)  # earlier versions did not normalize texts
            # Texts never contain a NUL.
            digest.update("\0".join(values).encode() if values.dtype == object else values.tobytes())
        return digest.hexdigest()

    @cached_property
    def _python_columns(self) -> dict[str, list[Any]]:
        return {name: self.column(name).tolist() for name in INFO_FIELDS}

    def _place(self, number: int) -> tuple[Shard, int]:
        """Return the shard of a clip, and the clip's number in it."""
        if not 0 <= number < len(self):
            raise IndexError(f"clip {number} of {len(self)}")
        part_number = bisect_right(self._first_clips, number) - 1
        return self._parts[part_number], number - self._first_clips[part_number]

    def _frame_columns(self, number: int) -> dict[str, NDArray[Any]]:
        part, local = self._place(number)
        if not part.is_whole(local):
            clip_id = self.column("id")[number]
            raise DamagedFileError(
                f"{part.contents.path}: clip {clip_id!r} does not match its checksum: the file is damaged",
                RESTORE,
            )
        return part.frame_columns(local)

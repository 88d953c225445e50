"""Writes a dataset: one self-contained file, or numbered shards and their index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from masa_data.errors import ExistsError
from masa_data.shards.quantize import StoredTrack
from masa_data.shards.writer import ShardEntry, shard_entry, write_index, write_shard
from masa_data.tracks.provenance import Provenance

Clip = TypeVar("Clip")


@dataclass(frozen=True, slots=True)
class Piece:
    """Clips of one file.

    Attributes:
        tracks: yields the tracks.
        clips: number of clips.
        frames: number of frames of all clips together.
    """

    tracks: Callable[[], Iterable[StoredTrack]]
    clips: int
    frames: int


def cut(clips: Sequence[Clip], shard_clips: int) -> list[Sequence[Clip]]:
    """Cut clips into parts of `shard_clips`; the last part may have fewer."""
    return [clips[first : first + shard_clips] for first in range(0, len(clips), shard_clips)]


def write_shards(
    out: Path,
    provenance: Provenance,
    pieces: Sequence[Piece],
    earlier: Sequence[ShardEntry] = (),
    *,
    replace: bool = False,
) -> None:
    """Write numbered shards next to `out`, then `out` as their index; all of them or none.

    Args:
        out: path of the index.
        provenance: provenance of all clips.
        pieces: the clips of each shard.
        earlier: existing shards, which come first.
        replace: whether files with the names of the new shards may exist, for example after a run that was
            killed.

    Raises:
        ExistsError: if such a file exists and must not be replaced; nothing is written.
        DataError: if the properties of the clips are too large for one file.
        OSError: if the disk is full; the new shards are removed, and `out` is unchanged.
    """
    numbers = range(len(earlier), len(earlier) + len(pieces))
    paths = [out.with_name(f"{out.stem}-{number:05d}{out.suffix}") for number in numbers]
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise ExistsError(f"{there[0]} already exists", "Remove it, or choose another output file")
    written: list[Path] = []
    try:
        for path, piece in zip(paths, pieces, strict=True):
            written.append(path)
            write_shard(path, provenance, piece.tracks(), piece.frames)
        entries = [shard_entry(path, piece.clips) for path, piece in zip(paths, pieces, strict=True)]
        write_index(out, provenance, [*earlier, *entries])
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise

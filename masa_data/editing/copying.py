"""Copying of clips of one or several datasets to a new one; their frames do not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError, ExistsError, NoClipsError
from masa_data.shards.quantize import StoredTrack
from masa_data.shards.reader import CLIPS_BETWEEN_PAGES, PoseShards
from masa_data.shards.shard_set import Piece, cut, write_shards
from masa_data.shards.spec import FRAME_COLUMNS
from masa_data.shards.work_folder import refuse_unfinished
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import ClipInfo
from masa_data.version import VERSION


@dataclass(frozen=True, slots=True)
class Part:
    """Clips of one dataset to copy.

    Attributes:
        tracks: the open dataset.
        numbers: (n,) numbers of its clips, in their order in the copy.
        renewed: returns the new properties of a clip.
        every: every N-th frame of each clip is kept, beginning with the first.
    """

    tracks: PoseShards
    numbers: NDArray[np.int64]
    renewed: Callable[[ClipInfo], ClipInfo] = lambda info: info
    every: int = 1


def copy_clips(
    parts: Sequence[Part],
    out: Path,
    provenance: Provenance,
    *,
    shard_clips: int | None = None,
    overwrite: bool = False,
    clip_done: Callable[[], None] = lambda: None,
) -> None:
    """Write clips of open datasets to a new file, or to shards and an index, completely or not at all.

    Args:
        parts: the clips; at least one in total.
        out: path of the file or index.
        provenance: provenance of the new dataset.
        shard_clips: number of clips per shard; None = one self-contained file.
        overwrite: whether an existing `out` may be replaced. Existing shards are never replaced.
        clip_done: called after every clip.

    Raises:
        NoClipsError: if there is no clip.
        ExistsError: if a file exists that must not be replaced.
        DataError: if a clip is damaged.
        OSError: if the disk is full.
    """
    clips = [(part, int(number)) for part in parts for number in part.numbers]
    if not clips:
        raise NoClipsError("no clip matches the filters", "Relax them")
    _refuse_inputs(parts, out)
    if out.exists() and not overwrite:
        raise ExistsError(
            f"{out} already exists", "Choose another output file, or give {overwrite}", overwrite=True
        )
    refuse_unfinished(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    provenance = provenance.model_copy(update={"tool_version": VERSION})

    def piece(some: Sequence[tuple[Part, int]]) -> Piece:
        frames = sum(-(-int(part.tracks.lengths[number]) // part.every) for part, number in some)
        return Piece(lambda: _copies(some, clip_done), len(some), frames)

    if shard_clips is None:
        whole = piece(clips)
        write_shard(out, provenance, whole.tracks(), whole.frames)
    else:
        write_shards(out, provenance, [piece(some) for some in cut(clips, shard_clips)])


def _copies(clips: Sequence[tuple[Part, int]], clip_done: Callable[[], None]) -> Iterator[StoredTrack]:
    for count, (part, number) in enumerate(clips, 1):
        stored = _thinned(part.tracks.stored(number), part.every)
        yield replace(stored, info=part.renewed(stored.info))
        if count % CLIPS_BETWEEN_PAGES == 0:
            part.tracks.forget_pages()
        clip_done()


def _thinned(stored: StoredTrack, every: int) -> StoredTrack:
    if every == 1:
        return stored
    columns = {name: getattr(stored, name)[::every] for name in FRAME_COLUMNS}
    # A keypoint that was too far outside has a position but no confidence; a missing one has neither.
    outside = (columns["confidence"] == 0) & columns["positions"].any(axis=-1)
    return StoredTrack(stored.info, **columns, clamped=min(stored.clamped, int(outside.sum())))


def _refuse_inputs(parts: Sequence[Part], out: Path) -> None:
    for part in parts:
        shards = [part.tracks.path.with_name(entry.name) for entry in part.tracks.shards]
        if out.resolve() in [path.resolve() for path in (part.tracks.path, *shards)]:
            raise DataError(f"{out} is also an input, expected another file as the output", "Choose another")

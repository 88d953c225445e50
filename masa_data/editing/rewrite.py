"""Rewriting of a dataset with other properties of its clips; their frames do not change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from masa_data.shards.quantize import StoredTrack
from masa_data.shards.reader import CLIPS_BETWEEN_PAGES, PoseShards
from masa_data.shards.work_folder import refuse_unfinished
from masa_data.shards.writer import shard_entry, write_index, write_shard
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import ClipInfo
from masa_data.version import VERSION


def rewrite(tracks: PoseShards, infos: Sequence[ClipInfo], provenance: Provenance) -> None:
    """Replace a dataset by one with the same frames and other properties of the clips.

    The old dataset does not change until everything is written. New shards have other names than the old
    ones; then the new file or index replaces the old one in a single step, and the old shards are removed.

    Args:
        tracks: the open dataset; open it again afterwards.
        infos: new properties of each clip, in the order of the dataset.
        provenance: provenance of the new file.

    Raises:
        DataError: if a clip is damaged, or masa-extract is writing the file. The dataset is unchanged.
        OSError: if the disk is full. The dataset is unchanged.
    """
    refuse_unfinished(tracks.path)
    provenance = provenance.model_copy(update={"tool_version": VERSION})
    if not tracks.shards:
        write_shard(tracks.path, provenance, _with_infos(tracks, infos, 0), tracks.frames)
        return
    taken = {entry.name for entry in tracks.shards}
    written: list[Path] = []
    entries = []
    first = 0
    try:
        for number, old in enumerate(tracks.shards):
            path = _other_name(tracks.path, number, taken)
            part = infos[first : first + old.clips]
            frames = int(tracks.lengths[first : first + old.clips].sum())
            written.append(path)
            write_shard(path, provenance, _with_infos(tracks, part, first), frames)
            entries.append(shard_entry(path, old.clips))
            first += old.clips
        write_index(tracks.path, provenance, entries)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for name in taken:
        tracks.path.with_name(name).unlink(missing_ok=True)


def _other_name(index: Path, number: int, taken: set[str]) -> Path:
    """Return a name for a shard that the index does not use: the usual one, or the same with a b appended."""
    usual = index.with_name(f"{index.stem}-{number:05d}{index.suffix}")
    return index.with_name(f"{usual.stem}b{usual.suffix}") if usual.name in taken else usual


def _with_infos(tracks: PoseShards, infos: Sequence[ClipInfo], first: int) -> Iterator[StoredTrack]:
    for number, info in enumerate(infos, first):
        yield replace(tracks.stored(number), info=info)
        if number % CLIPS_BETWEEN_PAGES == 0:
            tracks.forget_pages()

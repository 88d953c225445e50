"""Opening of several files, as a shell lists them for `*.h5`, so that no clip is counted twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from masa_data.shards.reader import PoseShards


def open_each(paths: Iterable[str | Path]) -> list[PoseShards]:
    """Open files, each once; shards of an index in the list are read through the index only.

    Raises:
        DataError: if a file cannot be used (`PoseShards.open`).
    """
    opened: dict[Path, PoseShards] = {}
    for path in map(Path, paths):
        real = path.resolve()
        if real not in opened:
            opened[real] = PoseShards.open(path)
    shards = {
        (real.parent / entry.name).resolve() for real, tracks in opened.items() for entry in tracks.shards
    }
    for real in shards & opened.keys():
        opened.pop(real).close()
    return list(opened.values())


def record_of(files: Sequence[PoseShards]) -> dict[str, object]:
    """Return the paths and fingerprints of open files, by which a run recognizes them again.

    Args:
        files: the open files.
    """
    return {
        "files": [str(tracks.path.absolute()) for tracks in files],
        "fingerprints": [tracks.fingerprint for tracks in files],
    }

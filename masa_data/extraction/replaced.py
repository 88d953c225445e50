"""Finished clips whose video has been replaced since their extraction."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.shards.builder import DatasetBuilder
from masa_data.video.frames import source_sha256


def replaced_clips(clips: Iterable[Clip], builder: DatasetBuilder) -> Iterator[Clip]:
    """Yield the clips in the builder whose source differs from the one that they were extracted from.

    Only sources that were modified since, or that have another path, are read.

    Args:
        clips: clips of the listing.
        builder: contains some of them.
    """
    for clip in clips:
        done = builder.source_of(clip.id)
        if (
            done is None
            or not done.sha256
            or (done.path == clip.path and not _is_newer(clip.source, done.since))
        ):
            continue
        try:
            is_same = _sha256(clip.source) == done.sha256
        except (DataError, OSError):  # reported when the clip is extracted
            is_same = False
        if not is_same:
            yield clip


def _is_newer(source: Path, since: float) -> bool:
    """Return whether a file, or any file of a folder, was modified or moved after a time."""
    try:
        # A file that was moved here keeps its modification time, but not the change time of its entry.
        stamps = [source.stat(), *(path.stat() for path in (source.iterdir() if source.is_dir() else ()))]
    except OSError:
        return True
    return any(max(stamp.st_mtime, stamp.st_ctime) > since for stamp in stamps)


@functools.lru_cache(maxsize=4)  # clips of one long recording are often consecutive
def _sha256(source: Path) -> str:
    return source_sha256(source)

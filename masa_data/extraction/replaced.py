"""Clips that are done, but of a video that has been replaced since."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.shards.builder import DatasetBuilder
from masa_data.video.frames import source_sha256


def replaced_clips(clips: Iterable[Clip], builder: DatasetBuilder) -> Iterator[Clip]:
    """Those of the clips in the builder whose source is not the one that they were extracted from.

    Only sources that were touched since, or that have another path, are read.

    Args:
        clips: those of the listing.
        builder: has some of them.
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
        except (DataError, OSError):  # what is wrong with it is told when it is extracted
            is_same = False
        if not is_same:
            yield clip


def _is_newer(source: Path, since: float) -> bool:
    """Whether a file, or one of a folder's, was written or put into its place after a time."""
    try:
        # A file that was moved here keeps the time at which it was written, but not that of its entry.
        stamps = [source.stat(), *(path.stat() for path in (source.iterdir() if source.is_dir() else ()))]
    except OSError:
        return True
    return any(max(stamp.st_mtime, stamp.st_ctime) > since for stamp in stamps)


@functools.lru_cache(maxsize=4)  # clips of one long recording come one after the other
def _sha256(source: Path) -> str:
    return source_sha256(source)

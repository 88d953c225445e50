"""Search for sources with the same content under different names. Only sources of equal size are read."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Final

from masa_data.video.images import numbered_images

# Different videos of equal size usually differ in their first bytes, so these are compared first.
_HEAD_BYTES: Final = 1 << 16


def find_duplicates(sources: Iterable[Path]) -> Iterator[tuple[str, ...]]:
    """Yield groups of sources with the same content, each sorted. Unreadable sources are ignored.

    Args:
        sources: videos and folders of images, without repetition.
    """
    for same_size in _groups(sources, _size):
        for same_head in _groups(same_size, _head):
            for same in _groups(same_head, _content):
                yield tuple(sorted(map(str, same)))


def _groups(sources: Iterable[Path], key_of: Callable[[Path], Hashable]) -> Iterator[list[Path]]:
    """Yield groups of sources that have the same key."""
    by_key: dict[Hashable, list[Path]] = defaultdict(list)
    for source in sources:
        try:
            by_key[key_of(source)].append(source)
        except OSError:
            continue
    yield from (group for group in by_key.values() if len(group) > 1)


def _size(source: Path) -> Hashable:
    """Return a file's size; for a folder, the number of images and the sizes of the first and the last."""
    if not source.is_dir():
        return source.stat().st_size
    images = numbered_images(source)
    if not images:
        return str(source)
    return len(images), images[0].stat().st_size, images[-1].stat().st_size


def _head(source: Path) -> bytes:
    first = numbered_images(source)[0] if source.is_dir() else source
    with first.open("rb") as file:
        return hashlib.sha256(file.read(_HEAD_BYTES)).digest()


def _content(source: Path) -> bytes:
    digest = hashlib.sha256()
    for path in numbered_images(source) if source.is_dir() else [source]:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.digest()

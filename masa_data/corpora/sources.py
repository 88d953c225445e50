"""Videos and frame folders below a corpus's root, found in one walk instead of one search per clip."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from masa_data.video.endings import VIDEO_ENDINGS

Key = TypeVar("Key", bound=Hashable)

# Corpora are two or three folders deep. A deeper tree does not belong to the corpus.
_DEEPEST: Final = 5


class Source(NamedTuple):
    """A video file or a folder that may hold a clip's frames.

    Attributes:
        folder: folder that contains it.
        parent: name of that folder; "" for the corpus's root.
        name: name of the file or folder.
        stem: the name without the extension of a video.
    """

    folder: str
    parent: str
    name: str
    stem: str

    @property
    def path(self) -> Path:
        """Path of the file or folder."""
        return Path(self.folder, self.name)


def walk_sources(
    root: Path, is_clip_folder: Callable[[Source], bool], ignored: Counter[str]
) -> Iterator[Source]:
    """Yield all videos and clip folders below root, in a fixed order.

    Args:
        root: folder of the corpus.
        is_clip_folder: whether a folder contains the frames of one clip; such a folder is not entered, so
            that millions of images need not be listed.
        ignored: counter to which the extensions of ignored files are added; names that are not UTF-8 are
            ignored because no report could contain them.

    Raises:
        OSError: if root cannot be read.
    """
    entered: set[str] = set()
    folders: list[tuple[str, int]] = [(str(root), 0)]
    while folders:
        folder, depth = folders.pop()
        real = os.path.realpath(folder)
        if real in entered:  # a symlink to a parent folder, or a second path to the same videos
            continue
        entered.add(real)
        below: list[tuple[str, int]] = []
        # Root's own name has no meaning: a folder called 2020 is not a label.
        parent = Path(folder).name if depth else ""
        with os.scandir(folder) as entries:
            listed = sorted((entry.name, entry.is_dir()) for entry in entries)
        for name, is_folder in listed:
            if name.startswith("."):
                continue
            if not name.isascii() and not is_unicode(name):
                ignored["a name that is not UTF-8"] += 1
                continue
            if is_folder:
                source = Source(folder, parent, name, name)
                if is_clip_folder(source):
                    yield source
                elif depth < _DEEPEST:
                    below.append((f"{folder}/{name}", depth + 1))
                continue
            stem, ending = os.path.splitext(name)  # noqa: PTH122  (125,000 Path objects take a second)
            if ending.lower() in VIDEO_ENDINGS:
                yield Source(folder, parent, name, stem)
            else:
                ignored[ending.lower()] += 1
        folders += reversed(below)


def is_unicode(name: str) -> bool:
    """Return whether a text can be encoded in UTF-8; names in another encoding cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class SourceIndex(Generic[Key]):
    """Finds the source of each clip by the key that its corpus uses.

    Args:
        sources: all sources on disk.
        key_of: the key of a source; None = it belongs to no clip.
        is_better: whether the first of two sources with the same key is preferred; by default, the source
            that was found first is kept.

    Attributes:
        unlisted: sources without a key.
        doubles: sources that were ignored because another source has the same key.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        key_of: Callable[[Source], Key | None],
        is_better: Callable[[Source, Source], bool] = lambda _source, _other: False,
    ) -> None:
        self._by_key: dict[Key, Source] = {}
        self._used: set[Key] = set()
        self.unlisted: list[Source] = []
        self.doubles: list[Source] = []
        for source in sources:
            key = key_of(source)
            if key is None:
                self.unlisted.append(source)
                continue
            other = self._by_key.setdefault(key, source)
            if other is source:
                continue
            if is_better(source, other):
                self._by_key[key] = source
                self.doubles.append(other)
            else:
                self.doubles.append(source)

    def find(self, key: Key) -> Source | None:
        """Return the source with this key; None if there is none."""
        source = self._by_key.get(key)
        if source is not None:
            self._used.add(key)
        return source

    def left_over(self) -> list[Source]:
        """Return the sources that were never requested."""
        return [*self.unlisted, *(source for key, source in self._by_key.items() if key not in self._used)]

"""The videos and frame folders below a corpus's root, found in one walk instead of one look-up a clip."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from masa_data.video.endings import VIDEO_ENDINGS

Key = TypeVar("Key", bound=Hashable)

# Corpora lie two or three folders deep. A deeper tree is something else that happens to lie there.
_DEEPEST: Final = 5


class Source(NamedTuple):
    """A video file or a folder that may hold a clip's frames.

    Attributes:
        folder: where it is.
        parent: name of the folder it is in; "" if that is the corpus's own.
        name: the file's or folder's name.
        stem: the name without a video's ending.
    """

    folder: str
    parent: str
    name: str
    stem: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.folder, self.name)


def walk_sources(
    root: Path, is_clip_folder: Callable[[Source], bool], ignored: Counter[str]
) -> Iterator[Source]:
    """All videos and clip folders below root, in a fixed order.

    Args:
        root: the corpus's folder.
        is_clip_folder: whether a folder is one clip's frames; it is not entered then, so that millions of
            images are not looked at.
        ignored: takes the endings of the files passed over; a name that is not UTF-8 could not be written
            into any report.

    Raises:
        OSError: if root cannot be read.
    """
    entered: set[str] = set()
    folders: list[tuple[str, int]] = [(str(root), 0)]
    while folders:
        folder, depth = folders.pop()
        real = os.path.realpath(folder)
        if real in entered:  # a symlink that leads back up, or a second way to the same videos
            continue
        entered.add(real)
        below: list[tuple[str, int]] = []
        # Root's own name says nothing: a folder called 2020 is no label.
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
            stem, ending = os.path.splitext(name)  # noqa: PTH122  (a Path for each of 125,000 takes a second)
            if ending.lower() in VIDEO_ENDINGS:
                yield Source(folder, parent, name, stem)
            else:
                ignored[ending.lower()] += 1
        folders += reversed(below)


def is_unicode(name: str) -> bool:
    """Whether a text can be written as UTF-8; names that are not in the file system's encoding cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class SourceIndex(Generic[Key]):
    """The source of each clip, by whatever key its corpus names clips.

    Args:
        sources: what is there.
        key_of: the key of a source; None = it belongs to no clip.
        is_better: whether the first source is to be preferred to the second of the same key; by default the
            first one found stays.

    Attributes:
        unlisted: sources that have no key.
        doubles: sources whose key another source has too.
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
        """The source of this key, if there is one."""
        source = self._by_key.get(key)
        if source is not None:
            self._used.add(key)
        return source

    def left_over(self) -> list[Source]:
        """The sources that nobody asked for."""
        return [*self.unlisted, *(source for key, source in self._by_key.items() if key not in self._used)]

"""Which entry of a corpus's lists a clip of another source is, by its id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence


class IdMatcher:
    """Finds entries by id: the same id, else the end of the id, else the only entry that ends with it."""

    def __init__(self, ids: Sequence[str]) -> None:
        """Index the ids of the entries.

        Args:
            ids: id of each entry.
        """
        self._whole = {entry: number for number, entry in enumerate(ids)}
        self._ends: dict[str, list[int]] = defaultdict(list)
        for number, entry in enumerate(ids):
            for end in _ends(entry):
                self._ends[end].append(number)

    def whole(self, clip_id: str) -> int | None:
        """Return the number of the entry with this id; None if there is none."""
        return self._whole.get(clip_id)

    def by_end(self, clip_id: str) -> int | None:
        """Return the number of the entry that a part of the path in the id names; None if there is none.

        "videos/69241" is the entry "69241"; "69241" is the entry "book/69241", if no other ends with it.
        """
        for end in _ends(clip_id):
            if end in self._whole:
                return self._whole[end]
        longer = self._ends.get(clip_id, [])
        return longer[0] if len(longer) == 1 else None


def _ends(clip_id: str) -> Iterator[str]:
    """Yield the id without its first part, its first two parts, and so on."""
    while "/" in clip_id:
        clip_id = clip_id.partition("/")[2]
        yield clip_id

"""The clips that a corpus's lists name, and whether they are on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.corpora.sources import Key, SourceIndex
from masa_data.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One annotated clip.

    Attributes:
        clip: the clip with all its annotations. If it is missing, the source is the expected path.
        found: whether the source exists; it may still be unreadable.
        where: list and row that name it; rows count from 1 in text and from 0 in JSON.
        url: address of its video; "" if the list has none.
    """

    clip: Clip
    found: bool
    where: str
    url: str = ""


@dataclass(slots=True)
class CorpusListing:
    """All clips that a corpus's lists name, found or not, in the order of the lists.

    Attributes:
        corpus: name of the corpus.
        rows: the annotated clips.
        problems: rows that cannot be used ("failed"), and contradictions between lists ("warning").
        subsets: labels of each named subset.
        ignored: number of ignored files that are not videos, by file extension.
    """

    corpus: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    subsets: Mapping[str, Collection[int]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    _where: dict[str, str] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Add a row. If several rows have the same clip id, all but the first become problems."""
        first = self._where.get(row.clip.id)
        if first is None:
            self._where[row.clip.id] = row.where
            self.rows.append(row)
            return
        reason = f"{row.where}: found clip {row.clip.id} again, expected each once (first: {first})"
        self.problems.append(Problem(row.clip.id, row.clip.path, "failed", reason, "Remove one of the rows"))

    def warn(self, path: str, reason: str, advice: str, **arguments: object) -> None:
        """Add a warning that excludes no clip; for texts and arguments, see `DataError`."""
        error = DataError(reason, advice, **arguments)
        self.problems.append(Problem("", path, "warning", error.reason, error.advice, error))

    def warn_of_left_over(self, root: Path, index: SourceIndex[Key]) -> None:
        """Warn about videos that no list names, and about videos that were ignored in favor of others."""
        for sources, what in (
            (index.left_over(), "are not named by any list and were ignored"),
            (index.doubles, "have the name of another video, which was used instead"),
        ):
            if sources:
                some = ", ".join(str(source.path) for source in sources[:3])
                more = ", …" if len(sources) > 3 else ""
                self.warn(
                    str(root),
                    f"{len(sources):,} videos or folders of frames {what}: {some}{more}",
                    "If this is not intended, check whether the lists and the videos belong together",
                )

    def to_listing(self) -> Listing:
        """Return the clips that can be extracted, and the number of missing clips."""
        listing = Listing(problems=list(self.problems), ignored=self.ignored)
        for row in self.rows:
            if row.found:
                listing.clips.append(row.clip)
            else:
                listing.missing += 1
        return listing

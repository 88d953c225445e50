"""What a corpus's lists name, and which of it is on disk."""

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
        clip: all that the lists say of it. Of a missing one, the source is where it was expected.
        found: whether the source is there. Whether it can be read is another question.
        where: the list that names it, and the row there: from 1 in text and from 0 in JSON.
        url: where its video comes from; "" if the list does not say.
    """

    clip: Clip
    found: bool
    where: str
    url: str = ""


@dataclass(slots=True)
class CorpusListing:
    """All that a corpus's lists name, found or not, in the order of the lists.

    Attributes:
        corpus: its name.
        rows: the annotated clips.
        problems: rows that cannot be used ("failed"), and where lists disagree ("warning").
        subsets: the labels of each subset that has a name.
        ignored: how many files of each ending were passed over, being no videos.
    """

    corpus: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    subsets: Mapping[str, Collection[int]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    _where: dict[str, str] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Take a row; of those with the same clip id all but the first become problems."""
        first = self._where.get(row.clip.id)
        if first is None:
            self._where[row.clip.id] = row.where
            self.rows.append(row)
            return
        reason = f"{row.where}: found clip {row.clip.id} again, expected each once (first: {first})"
        self.problems.append(Problem(row.clip.id, row.clip.path, "failed", reason, "Remove one of the rows"))

    def warn(self, path: str, reason: str, advice: str, **arguments: object) -> None:
        """Note something odd that keeps no clip out; texts and arguments as of `DataError`."""
        error = DataError(reason, advice, **arguments)
        self.problems.append(Problem("", path, "warning", error.reason, error.advice, error))

    def warn_of_left_over(self, root: Path, index: SourceIndex[Key]) -> None:
        """Note videos that no list names, and videos that others stand in for."""
        for sources, what in (
            (index.left_over(), "are named by no list and were passed over"),
            (index.doubles, "have the name of another video, which was taken instead"),
        ):
            if sources:
                some = ", ".join(str(source.path) for source in sources[:3])
                more = ", …" if len(sources) > 3 else ""
                self.warn(
                    str(root),
                    f"{len(sources):,} videos or folders of frames {what}: {some}{more}",
                    "Nothing, if that is meant; else look whether the lists and the videos belong together",
                )

    def to_listing(self) -> Listing:
        """What is there to be extracted, and how many clips are missing."""
        listing = Listing(problems=list(self.problems), ignored=self.ignored)
        for row in self.rows:
            if row.found:
                listing.clips.append(row.clip)
            else:
                listing.missing += 1
        return listing

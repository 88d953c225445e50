"""Finding the videos of annotated clips by a name that a list and the disk have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from masa_data.corpora.annotations import Fields, is_plain_name, read_lines
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.csv_table import read_csv
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.sources import Source, SourceIndex, walk_sources
from masa_data.errors import DataError


def add_located(
    listing: CorpusListing,
    root: Path,
    rows: Iterable[Row],
    key_of: Callable[[Source], str],
    is_other: Callable[[Source], bool] = lambda _source: False,
) -> None:
    """Add the rows of a corpus's lists to a listing, each with its video or folder of images if it exists.

    Args:
        listing: receives the rows, and a warning about videos that no list names.
        root: folder of the videos; they may be in any folder below it.
        rows: annotated clips, whose `path` is the path below root that the corpus has.
        key_of: what identifies a clip in the path of its source. It is applied to the corpus's path of each
            clip and to the sources on disk, which may be in other folders and have another extension.
        is_other: whether a source is of another kind that the corpus has as well, such as a depth video.

    Raises:
        OSError: if root or a folder below it cannot be read.
    """
    for row in rows:
        listing.add(row)
    keys = {row.clip.id: key_of(_source_at(row.clip.path)) for row in listing.rows}
    wanted = set(keys.values())

    def sources() -> Iterator[Source]:
        for source in walk_sources(root, lambda folder: key_of(folder) in wanted, listing.ignored):
            if is_other(source):
                listing.ignored["another kind of video"] += 1
            else:
                yield source

    index = SourceIndex(sources(), lambda source: key if (key := key_of(source)) in wanted else None)
    for number, row in enumerate(listing.rows):
        source = index.find(keys[row.clip.id])
        text = f"{source.folder}/{source.name}" if source else f"{root}/{row.clip.path}"
        clip = replace(row.clip, source=Path(text), path=text)
        listing.rows[number] = replace(row, clip=clip, found=source is not None)
    listing.warn_of_left_over(root, index)


def usable_rows(listing: CorpusListing, path: Path, read: Callable[[str, str], Clip]) -> Iterator[Row]:
    """Yield a row for each line of a list; a line that cannot be used becomes a problem.

    Args:
        listing: receives the problems.
        path: the list, without a header.
        read: returns the clip for the place of a line and its text; may raise DataError.

    Raises:
        DataError: if the list is not text in UTF-8.
        OSError: if it cannot be read.
    """
    for number, line in read_lines(path):
        where = f"{path}, row {number}"
        try:
            yield Row(read(where, line), False, where)
        except DataError as error:
            listing.problems.append(Problem.of(error, str(path)))


def usable_table_rows(
    listing: CorpusListing, path: Path, columns: Sequence[str], read: Callable[[Fields], Clip], advice: str
) -> Iterator[Row]:
    """Yield a row for each row of a CSV with a header; a row that cannot be used becomes a problem.

    Args:
        listing: receives the problems.
        path: the list.
        columns: the columns that it must have.
        read: returns the clip for the values of a row, without spaces around them; may raise DataError.
        advice: what to do if a column is missing; may name {annotations}.

    Raises:
        DataError: if the list is not such a CSV.
        OSError: if it cannot be read.
    """
    table = read_csv(path)
    if not set(columns) <= set(table.columns):
        raise DataError(
            f"{path}:1: found the columns {', '.join(table.columns)[:80]}, expected {', '.join(columns)}",
            advice,
            annotations=...,
        )
    for line, row in table.rows():
        fields = Fields(f"{path}, row {line}", {name: value.strip() for name, value in row.items()})
        try:
            yield Row(read(fields), False, fields.where)
        except DataError as error:
            listing.problems.append(Problem.of(error, str(path)))


def path_below(where: str, text: str, expected: str) -> str:
    """Return a path of a list after checking that it stays below the corpus's folder.

    Args:
        where: list and row, for errors.
        text: the path.
        expected: what is expected there, for errors.

    Raises:
        DataError: if a part of it is empty, ".." or not a plain name.
    """
    parts = text.split("/")
    if not all(map(is_plain_name, parts)):
        raise DataError(f"{where}: found the path {text[:60]!r}, expected {expected}", "Correct the row")
    return text


def _source_at(path: str) -> Source:
    """Return the source that a path below root names."""
    folder, _, name = path.rpartition("/")
    stem = os.path.splitext(name)[0]  # noqa: PTH122  (40,000 Path objects take a second)
    return Source(folder, folder.rpartition("/")[2], name, stem)

"""A CSV list of clips: `path,label,split,signer,start,end`, of which only `path` is required.

Paths are relative to the CSV's folder and stay below it. A label is a class number, or a gloss if any row has
other text in this column; a column `gloss` is also allowed. Numbers may be written as 7.0. `start` and `end`
count source frames from 0, and `end` is one past the last frame; empty means the whole source.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from masa_data.corpora.clip import SPLIT_NAMES, Clip, Listing, Problem
from masa_data.corpora.csv_table import read_csv
from masa_data.corpora.labels import are_numbers, class_number, whole_number, without_point
from masa_data.errors import DataError
from masa_data.tracks.track import NO_LABEL

CORPUS: Final = "csv"
COLUMNS: Final = ("path", "label", "gloss", "split", "signer", "start", "end")


def list_csv(path: Path) -> Listing:
    """List the clips of a CSV in its order. A wrong row becomes a problem, and the other rows are kept.

    Raises:
        DataError: if the file as a whole cannot be used.
    """
    listing = Listing()
    rows = list(_rows(path))
    labels_are_numbers = are_numbers(row["label"] for _, row in rows)
    signers_are_numbers = are_numbers(row["signer"] for _, row in rows)
    for line, row in rows:
        if signers_are_numbers:
            row["signer"] = without_point(row["signer"])
        try:
            listing.clips.append(_clip(path, row, labels_are_numbers))
        except DataError as error:
            listing.problems.append(Problem.of(error.about(f"{path}:{line}"), row["path"] or str(path)))
    return listing


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and values of each row; a column of COLUMNS that is missing has the value ""."""
    table = read_csv(path)
    columns = [name.strip().lower() for name in table.columns]
    unknown = [name for name in columns if name not in COLUMNS]
    if "path" not in columns or unknown or len(set(columns)) < len(columns):
        raise DataError(
            f"{path}:1: found the columns {', '.join(columns) or 'none'}, expected path and any of "
            f"{', '.join(COLUMNS[1:])}",
            "Write the names of the columns in the first line",
        )
    for line, values in table.rows():
        row = dict(zip(columns, map(str.strip, values.values()), strict=True))
        yield line, {name: row.get(name, "") for name in COLUMNS}


def _clip(list_path: Path, row: dict[str, str], labels_are_numbers: bool) -> Clip:
    below = PurePosixPath(row["path"])
    if not row["path"] or below.is_absolute() or ".." in below.parts:
        raise DataError(
            f"found the path {row['path']!r}, expected a path below the CSV's folder {list_path.parent}",
            "Use paths relative to the CSV, and put the CSV in a folder above its videos",
        )
    source = list_path.parent / below
    if not source.exists():
        raise DataError(f"{source} does not exist", "Correct the path, or remove the row")
    split = row["split"].lower()
    if split and split not in SPLIT_NAMES:
        raise DataError(f"found the split {row['split']!r}, expected train, val or test", "Correct the row")
    start, end = _frame(row, "start"), _frame(row, "end")
    if end is not None and end <= (start or 0):
        raise DataError(f"found frames {start or 0} to {end}, expected start < end", "Correct the row")
    name = below.as_posix() if source.is_dir() else below.with_suffix("").as_posix()
    whole = start is None and end is None
    return Clip(
        name if whole else f"{name}@{start or 0}-{'' if end is None else end}",
        source,
        str(source),
        CORPUS,
        gloss=row["gloss"] or ("" if labels_are_numbers else without_point(row["label"])),
        label=class_number(row["label"]) if labels_are_numbers else NO_LABEL,
        split=SPLIT_NAMES.get(split, ""),
        signer=row["signer"],
        start=start or 0,
        end=end,
    )


def _frame(row: dict[str, str], column: str) -> int | None:
    """Return a frame number; None if the column is empty."""
    value = row[column]
    number = whole_number(value)
    if value and (number is None or number < 0):
        raise DataError(f"found {column} {value!r}, expected a frame number from 0", "Correct the row")
    return number

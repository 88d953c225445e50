"""MASA's own lists, `traintestlist/{train,val,test}list01.txt`, and lists of the same form.

A row is `name label`, or only a path as the name; then the folder in the path is the label.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from masa_data.corpora.annotations import label_in, list_folders, read_lines
from masa_data.corpora.clip import SPLIT_NAMES, Problem
from masa_data.errors import DataError
from masa_data.video.endings import VIDEO_ENDINGS

NAMES: Final = ("trainlist01.txt", "vallist01.txt", "testlist01.txt")

# trainlist01.txt, train_list.txt, train.txt
_LIST_NAME: Final = re.compile(rf"({'|'.join(SPLIT_NAMES)})[_-]?(?:list)?(?:01)?\.txt", re.IGNORECASE)
_CORRECT: Final = "Correct the row"


@dataclass(frozen=True, slots=True)
class ListedName:
    """A row of such a list.

    Attributes:
        where: file and row.
        split: split of the list.
        folder: folder in the name; "" = none.
        stem: last part of the name, without the extension of a video.
        label: class number.
    """

    where: str
    split: str
    folder: str
    stem: str
    label: int


def find_masa_lists(root: Path, annotations: Path | None) -> dict[Path, str]:
    """Return the lists with their splits from the first folder that has any; a given file is used alone.

    Raises:
        DataError: if a folder does not exist, or a split has two lists.
    """
    if annotations is not None and annotations.is_file():
        match = _LIST_NAME.fullmatch(annotations.name)
        return {annotations: SPLIT_NAMES[match.group(1).lower()]} if match else {}
    for folder in list_folders(root, annotations):
        lists = {
            folder / name: SPLIT_NAMES[match.group(1).lower()]
            for name in sorted(os.listdir(folder))  # noqa: PTH208  (no Path for each of many entries)
            if (match := _LIST_NAME.fullmatch(name))
        }
        if len(set(lists.values())) < len(lists):
            raise DataError(
                f"found {', '.join(path.name for path in lists)} in {folder}, expected one list per split",
                "Move the others away, or give a folder with one list per split with {annotations}",
                annotations=...,
            )
        if lists:
            return dict(sorted(lists.items(), key=lambda item: ("train", "val", "test").index(item[1])))
    return {}


def read_masa_lists(
    lists: Iterable[tuple[Path, str]], classes: int, problems: list[Problem]
) -> Iterator[ListedName]:
    """Yield the rows of lists in order; a wrong row becomes a problem.

    Args:
        lists: files with their splits.
        classes: number of classes of the corpus.
        problems: list to which wrong rows are added.

    Raises:
        DataError: if a list is not text in UTF-8.
        OSError: if it cannot be read.
    """
    for path, split in lists:
        for number, line in read_lines(path):
            try:
                yield _parse(f"{path}, row {number}", split, line, classes)
            except DataError as error:
                problems.append(Problem.of(error, str(path)))


def split_name(name: str) -> tuple[str, str] | None:
    """Split a name like `000/P01_01_00_0._color.mp4` into folder and stem; None if it is not a valid name."""
    parts = name.replace("\\", "/").rstrip("/").split("/")
    if ".." in parts or parts[0] == "" or "\0" in name:
        return None
    stem, dot, ending = parts[-1].rpartition(".")
    is_video = f"{dot}{ending}".lower() in VIDEO_ENDINGS
    return (parts[-2] if len(parts) > 1 else "", stem if is_video else parts[-1])


def _parse(where: str, split: str, line: str, classes: int) -> ListedName:
    name, _, last = line.rpartition(" ")
    if not name or not last.lstrip("-").isdecimal():
        name, last = line, ""
    parts = split_name(name.strip())
    if parts is None:
        raise DataError(f"{where}: found the path {name[:60]!r}, expected a path below the root", _CORRECT)
    folder, stem = parts
    text = last or folder
    label = label_in(text, classes)
    if label is None:
        raise DataError(
            f"{where}: found the label {text[:60]!r} in {line[:60]!r}, expected 0 to {classes - 1}", _CORRECT
        )
    return ListedName(where, split, folder, stem, label)

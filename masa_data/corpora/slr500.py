"""SLR500, also CSL-500: 500 classes of CSL, 50 signers, 5 repetitions: `{000..499}/P01_01_00_0._color.mp4`.

The file name contains signer, label = (a − 1)·20 + b, and repetition; `dictionary.txt` contains the glosses.
The split is by signer and needs no list. A clip's id is `000/P01_01_00_0`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from masa_data.classes.subsets import SLR500_CLASSES, SUBSETS
from masa_data.corpora.annotations import find_file, label_in, none_found, read_lines
from masa_data.corpora.clip import SPLIT_NAMES, Clip, Problem
from masa_data.corpora.csv_table import read_csv
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.masa_lists import NAMES, find_masa_lists, read_masa_lists, split_name
from masa_data.corpora.sources import Source, SourceIndex, walk_sources
from masa_data.errors import DataError

CORPUS: Final = "slr500"
SIGNERS: Final = 50
REPETITIONS: Final = 5
TRAIN_SIGNERS: Final = 36

_DICTIONARY: Final = "dictionary.txt"
# Lists of OpenHands: `video_path,class_name`; the class name is not the gloss of the label.
_CSV_LISTS: Final = ("split.train.csv", "split.val.csv", "split.test.csv")
_KIND: Final = "._color"
_NAME: Final = re.compile(rf"P(\d{{2}})_(\d{{2}})_(\d{{2}})_(\d)(?:{re.escape(_KIND)})?", re.ASCII)


class Name(NamedTuple):
    """The content of a clip's name.

    Attributes:
        signer: 1 to 50.
        label: 0 to 499.
        repetition: 0 to 4.
    """

    signer: int
    label: int
    repetition: int

    @property
    def stem(self) -> str:
        """The name as the corpus writes it, without the `._color` of the recording type."""
        group, sign = divmod(self.label, 20)
        return f"P{self.signer:02d}_{group + 1:02d}_{sign:02d}_{self.repetition}"

    @property
    def split(self) -> str:
        """The split by signer, as the corpus's authors define it."""
        return "train" if self.signer <= TRAIN_SIGNERS else "test"


@dataclass(slots=True)
class _Disagreements:
    """Number of rows, by signer, whose split in the list differs from the signer's split."""

    rows: Counter[int]
    example: str = ""

    def note(self, name: Name, split: str, where: str) -> None:
        if split != name.split:
            self.rows[name.signer] += 1
            self.example = self.example or where


def parse_name(stem: str) -> Name | None:
    """Parse the name of a clip without its extension; None if it is not a name of SLR500."""
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    signer, group, sign, repetition = map(int, match.groups())
    name = Name(signer, (group - 1) * 20 + sign, repetition)
    is_there = 1 <= signer <= SIGNERS and 0 <= name.label < SLR500_CLASSES and sign < 20
    return name if is_there and repetition < REPETITIONS else None


def list_slr500(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of SLR500 by label, signer and repetition, or in the order of lists.

    Args:
        root: folder of the label folders; they may be in any folder below it.
        annotations: lists of the clips to use, from OpenHands or MASA, or their folder; None = all 125,000
            clips. Splits are always by signer; if a list has other splits, there is a warning.

    Raises:
        DataError: if lists are requested and not found, or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS, subsets=SUBSETS[CORPUS])
    index = SourceIndex(
        walk_sources(root, lambda folder: parse_name(folder.stem) is not None, listing.ignored),
        lambda source: source.stem.removesuffix(_KIND),
    )
    glosses = _read_glosses(root, annotations)
    named = _all_names() if annotations is None else _listed_names(root, annotations, listing)
    # Paths are built from complete strings: for 125,000 clips this saves a second.
    ids = [f"{label:03d}" for label in range(SLR500_CLASSES)]
    folders = [str(root / name) for name in ids]
    signers = [f"P{signer:02d}" for signer in range(SIGNERS + 1)]
    for name, where in named:
        stem = name.stem
        source = index.find(stem)
        if source is not None and _is_elsewhere(source, name, listing):
            source = None
        text = f"{source.folder}/{source.name}" if source else f"{folders[name.label]}/{stem}{_KIND}.mp4"
        clip = Clip(
            f"{ids[name.label]}/{stem}",
            Path(text),
            text,
            CORPUS,
            gloss=glosses.get(name.label, ""),
            label=name.label,
            split=name.split,
            signer=signers[name.signer],
        )
        listing.add(Row(clip, source is not None, where))
    listing.warn_of_left_over(root, index)
    return listing


def _is_elsewhere(source: Source, name: Name, listing: CorpusListing) -> bool:
    """Return whether a video is in another label's folder; then it becomes a problem and is not used."""
    if not source.parent.isdecimal() or label_in(source.parent, SLR500_CLASSES) == name.label:
        return False
    error = DataError(
        f"{source.path}: found label {name.label} in the name and {source.parent} as the folder, expected "
        "the same",
        "Move the file to the folder where it belongs",
    )
    listing.problems.append(Problem.of(error, str(source.path)))
    return True


def _all_names() -> Iterator[tuple[Name, str]]:
    where = f"the corpus's {SLR500_CLASSES} × {SIGNERS} × {REPETITIONS} clips"
    for label in range(SLR500_CLASSES):
        for signer in range(1, SIGNERS + 1):
            for repetition in range(REPETITIONS):
                yield Name(signer, label, repetition), where


def _listed_names(root: Path, annotations: Path, listing: CorpusListing) -> Iterator[tuple[Name, str]]:
    differs = _Disagreements(Counter())
    for where, path, split in _list_rows(root, annotations, listing):
        folder, stem = split_name(path) or ("", "")
        name = parse_name(stem)
        if name is None or (folder.isdecimal() and label_in(folder, SLR500_CLASSES) != name.label):
            reason = f"{where}: found the path {path[:60]!r}, expected {{label}}/P01_01_00_0._color.mp4"
            listing.problems.append(Problem.of(DataError(reason, "Correct the row"), path))
            continue
        differs.note(name, split, where)
        yield name, where
    if differs.rows:
        signers = ", ".join(f"P{signer:02d} ×{rows:,}" for signer, rows in sorted(differs.rows.items()))
        listing.warn(
            str(annotations),
            f"{differs.rows.total():,} rows are in another split than their signer's (P01–P{TRAIN_SIGNERS} "
            f"train, P{TRAIN_SIGNERS + 1}–P{SIGNERS} test): {signers}; first: {differs.example}",
            "No action is needed: the corpus's own split by signer is used",
        )


def _list_rows(root: Path, annotations: Path, listing: CorpusListing) -> Iterator[tuple[str, str, str]]:
    """Yield place in the list, path and split of each row."""
    is_file = annotations.is_file()
    tables = [annotations] if is_file else [annotations / name for name in _CSV_LISTS]
    tables = [path for path in tables if path.suffix == ".csv" and path.is_file()]
    lists = {} if tables else find_masa_lists(root, annotations)
    if not tables and not lists:
        raise none_found(root, annotations, (*_CSV_LISTS, *NAMES))
    for path in tables:
        yield from _csv_rows(path)
    for listed in read_masa_lists(lists.items(), SLR500_CLASSES, listing.problems):
        yield listed.where, f"{listed.label:03d}/{listed.stem}", listed.split


def _csv_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    split = next((SPLIT_NAMES[part] for part in path.stem.split(".") if part in SPLIT_NAMES), "")
    table = read_csv(path)
    if "video_path" not in table.columns or not split:
        raise DataError(
            f"{path}, row 1: found the columns {', '.join(table.columns)[:60] or 'none'}, expected "
            f"video_path in a list named {' or '.join(_CSV_LISTS)}",
            "Rename the column and the file accordingly",
        )
    for line, row in table.rows():
        yield f"{path}, row {line}", row["video_path"], split


def _read_glosses(root: Path, annotations: Path | None) -> dict[int, str]:
    """Read the glosses of `dictionary.txt`, one row `000000 gloss` each, if the file exists."""
    beside = annotations.parent if annotations is not None and annotations.is_file() else annotations
    path = find_file(root, None, (_DICTIONARY,)) or find_file(root, beside, (_DICTIONARY,))
    glosses: dict[int, str] = {}
    for number, line in read_lines(path) if path else ():
        text, *rest = line.split(maxsplit=1)
        label = label_in(text, SLR500_CLASSES)
        if label is None or not rest:
            raise DataError(
                f"{path}, row {number}: found {line[:60]!r}, expected an index below {SLR500_CLASSES} and a "
                "gloss",
                "Correct the row",
            )
        glosses[label] = rest[0]
    return glosses

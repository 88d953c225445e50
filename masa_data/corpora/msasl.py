"""MS-ASL: 1000 classes of ASL. `MSASL_{train,val,test}.json` cut YouTube videos by time and box.

There is no standard for file names. Accepted are whole videos named by their YouTube id or as yt-dlp names
them, and clips named by their row: `train/00000.mp4`, `train_0.mp4` and similar names. A clip's id is its
split and row, `train/00000`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from masa_data.classes.subsets import MSASL_CLASSES, SUBSETS
from masa_data.corpora.annotations import Fields, find_file, none_found, read_json
from masa_data.corpora.clip import SPLIT_NAMES, Clip, Problem
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.ranges import DeclaredRange
from masa_data.corpora.sources import Source, SourceIndex, walk_sources
from masa_data.corpora.youtube import youtube_id, youtube_id_in_name
from masa_data.errors import DataError
from masa_data.tracks.box import Box
from masa_data.tracks.track import SPLITS

CORPUS: Final = "msasl"
CLASSES: Final = "MSASL_classes.json"
SYNONYMS: Final = "MSASL_synonym.json"

_NAMED_BY_ROW: Final = re.compile(
    rf"(?:(?:MSASL[_-])?({'|'.join(SPLIT_NAMES)})[_-])?0*(\d{{1,6}})", re.IGNORECASE
)

# Key of a source: a YouTube id, or a split and row.
_Key = str | tuple[str, int]


def list_msasl(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of MS-ASL, in the order train, val, test.

    Args:
        root: folder of the videos; they may be in any folder below it.
        annotations: folder of the lists, or one list.

    Raises:
        DataError: if no list is found or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS, subsets=SUBSETS[CORPUS])
    rows = list(_read_rows(root, annotations, listing))
    videos = {youtube_id(row.url) for row in rows} - {""}
    index: SourceIndex[_Key] = SourceIndex(
        walk_sources(root, lambda folder: _key(folder, videos) is not None, listing.ignored),
        lambda source: _key(source, videos),
        lambda source, other: source.stem in videos and other.stem not in videos,
    )
    for row in rows:
        split, _, number = row.clip.id.partition("/")
        own, whole = index.find((split, int(number))), index.find(youtube_id(row.url))
        source = own or whole
        path = source.path if source else root / f"{youtube_id(row.url) or row.clip.id}.mp4"
        already_cut = own is not None if source else None
        clip = replace(row.clip, source=path, path=str(path), already_cut=already_cut)
        listing.add(replace(row, clip=clip, found=source is not None))
    listing.warn_of_left_over(root, index)
    return listing


def read_synonyms(root: Path, annotations: Path | None = None) -> tuple[frozenset[str], ...]:
    """Read the groups of words that MS-ASL treats as one sign; some of these words are not classes.

    Args:
        root: folder of the corpus.
        annotations: the file, or its folder.

    Raises:
        DataError: if the list is missing or wrong.
        OSError: if it cannot be read.
    """
    path = find_file(root, annotations, (SYNONYMS,))
    if path is None:
        raise none_found(root, annotations, (SYNONYMS,))
    groups = read_json(path)
    if not isinstance(groups, list):
        raise DataError(f"{path}: found no list, expected groups of words", "Download the list again")
    return tuple(_group(path, number, group) for number, group in enumerate(groups))


def _group(path: Path, number: int, group: object) -> frozenset[str]:
    if not isinstance(group, list) or not all(isinstance(word, str) and word for word in group):
        raise DataError(
            f"{path}, row {number}: found {ascii(group)[:60]}, expected a list of words",
            "Download the list again",
        )
    return frozenset(group)


def _key(source: Source, videos: set[str]) -> _Key | None:
    """Return the YouTube id, or the split and row, in the name of a file or folder; None if there is none."""
    if name := youtube_id_in_name(source.stem, videos):
        return name
    match = _NAMED_BY_ROW.fullmatch(source.stem)
    split = match and SPLIT_NAMES.get((match.group(1) or source.parent).lower())
    return (split, int(match.group(2))) if match and split else None


def _read_rows(root: Path, annotations: Path | None, listing: CorpusListing) -> Iterator[Row]:
    names = {split: f"MSASL_{split}.json" for split in SPLITS}
    if annotations is not None and annotations.is_file() and annotations.name not in names.values():
        raise DataError(
            f"found the list {annotations}, expected {', '.join(names.values())}", "Give their folder instead"
        )
    folder = annotations.parent if annotations is not None and annotations.is_file() else annotations
    paths = {split: find_file(root, folder, (name,)) for split, name in names.items()}
    if folder is not annotations:
        paths = {split: path if path == annotations else None for split, path in paths.items()}
    if not any(paths.values()):
        raise none_found(root, annotations, names.values())
    classes_path = find_file(root, folder, (CLASSES,))
    classes = _read_classes(classes_path) if classes_path else []
    others = 0
    for split, path in paths.items():
        if path is None:
            listing.warn(
                str(folder or root),
                f"found no {names[split]}: no clip of {split} is listed",
                "If this is not intended, put the list next to the others",
            )
            continue
        content = read_json(path)
        if not isinstance(content, list):
            raise DataError(f"{path}: found no list of clips, expected one", "Download the list again")
        for number, item in enumerate(content):
            try:
                row = _row(Fields.of(f"{path}, row {number}", item), split, number, listing)
            except DataError as error:
                listing.problems.append(Problem.of(error, str(path)))
                continue
            others += bool(classes) and row.clip.gloss != classes[row.clip.label]
            yield row
    if others:
        listing.warn(
            str(classes_path),
            f"{others:,} rows have a text that differs from the text in {CLASSES} for their label",
            "Check whether the lists belong together; the texts of the rows are used",
        )


def _read_classes(path: Path) -> list[object]:
    classes = read_json(path)
    if not isinstance(classes, list) or len(classes) != MSASL_CLASSES:
        raise DataError(
            f"{path}: found no list of {MSASL_CLASSES} words, expected one", "Download the list again"
        )
    return classes


def _row(fields: Fields, split: str, number: int, listing: CorpusListing) -> Row:
    start, end, fps = fields.number("start_time", 0), fields.number("end_time", 0), fields.number("fps", 1)
    y0, x0, y1, x1 = fields.numbers("box", 4, 0, 1)
    if end < start:
        raise fields.error(f"the times {start} to {end}", "a start_time before the end_time")
    if x0 >= x1 or y0 >= y1:
        raise fields.error(f"the box {[y0, x0, y1, x1]}", "[y0, x0, y1, x1] that increase")
    shape = fields.number("width", 1) / fields.number("height", 1)
    clip_id = f"{split}/{number:05d}"
    if end == start:  # one row of the official train list: usable only as a cut clip
        listing.problems.append(
            Problem(
                clip_id,
                fields.where,
                "warning",
                f"{fields.where}: found start_time and end_time {start}, expected a later end_time",
                "No action is needed: a cut clip is used if it exists; it cannot be cut from a whole video",
            )
        )
    clip = Clip(
        clip_id,
        Path(),
        "",
        CORPUS,
        gloss=fields.text("text"),
        label=fields.whole("label", 0, MSASL_CLASSES),
        split=split,
        signer=str(fields.whole("signer_id", 0)),
        declared=DeclaredRange(start, end, fps),
        box=Box(x0, y0, x1, y1, "share", shape),
    )
    return Row(clip, False, fields.where, _with_scheme(fields.text("url")))


def _with_scheme(url: str) -> str:
    return url if "://" in url or not url else f"https://{url}"

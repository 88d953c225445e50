"""WLASL: 2000 glosses of ASL in `WLASL_v0.3.json` or `nslt_2000.json`, clips named by a number.

In v0.3, the label is the index of the gloss in the list. Frames count from 1 at 25 fps in the source video.
The usual `videos/{id}.mp4` are cut clips, and most ranges of the nslt lists count frames of the cut clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from masa_data.classes.subsets import SUBSETS, WLASL_CLASSES
from masa_data.corpora.annotations import find_file, none_found, read_json
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.masa_lists import NAMES, find_masa_lists, read_masa_lists
from masa_data.corpora.sources import Source, SourceIndex, walk_sources
from masa_data.corpora.wlasl_lists import CORPUS, add_from, read_full_list, read_glosses, read_short_list
from masa_data.corpora.youtube import youtube_id, youtube_id_in_name
from masa_data.errors import DataError

_FULL_LIST: Final = "WLASL_v0.3.json"
_SHORT_LISTS: Final = tuple(f"nslt_{count}.json" for count in (2000, 1000, 300, 100))
_GLOSSES: Final = "wlasl_class_list.txt"

# Folder of the source videos if the cut clips have their own folder.
_RAW_FOLDER: Final = "raw_videos"


def list_wlasl(root: Path, annotations: Path | None = None) -> CorpusListing:
    """List the clips of WLASL.

    Of the lists found, v0.3 is used, else the largest nslt list, else MASA's. Other lists add what it lacks
    (only v0.3 has signers, boxes and addresses); there is a warning where they contradict it.

    Args:
        root: folder of the videos; they may be in any folder below it.
        annotations: the list to use, or the folder of the lists.

    Raises:
        DataError: if no list is found or it cannot be used.
        OSError: if a file or folder cannot be read.
    """
    listing = CorpusListing(CORPUS, subsets=SUBSETS[CORPUS])
    rows = _read_rows(root, annotations, listing)
    videos = {youtube_id(row.url) for row in rows} - {""}
    names = {row.clip.id for row in rows} | videos
    index = SourceIndex(
        walk_sources(root, lambda folder: folder.name in names, listing.ignored),
        lambda source: (
            source.stem if source.stem in names else youtube_id_in_name(source.stem, videos) or None
        ),
        lambda source, other: _rank(source, names) > _rank(other, names),
    )
    for row in rows:
        listing.add(_locate(root, row, index))
    listing.warn_of_left_over(root, index)
    return listing


def _rank(source: Source, names: set[str]) -> tuple[bool, bool]:
    """Rank files of the same clip: a cut clip before a whole video, then a plain name before others."""
    return source.parent != _RAW_FOLDER, source.stem in names


def _locate(root: Path, row: Row, index: SourceIndex[str]) -> Row:
    """Return the row with its video: a file named by the clip's id, or the whole YouTube video."""
    own, whole = index.find(row.clip.id), index.find(youtube_id(row.url))
    source = own or whole
    path = source.path if source else root / "videos" / f"{row.clip.id}.mp4"
    already_cut = False if own is None and whole is not None else None
    clip = replace(row.clip, source=path, path=str(path), already_cut=already_cut)
    return replace(row, clip=clip, found=source is not None)


def _read_rows(root: Path, annotations: Path | None, listing: CorpusListing) -> list[Row]:
    given = annotations if annotations is not None and annotations.is_file() else None
    path = (
        None
        if given and given.suffix == ".txt"
        else find_file(root, annotations, (_FULL_LIST, *_SHORT_LISTS))
    )
    beside = given.parent if given else annotations
    glosses_path = find_file(root, beside, (_GLOSSES,))
    glosses = read_glosses(glosses_path) if glosses_path else {}
    if path is None:
        return _rows_of_masa_lists(root, annotations, glosses, listing)
    content = read_json(path)
    if isinstance(content, list):
        rows = read_full_list(path, content, listing.problems)
        _compare_glosses(rows, path, glosses_path, glosses, listing)
        other = find_file(root, beside, _SHORT_LISTS)
        if other is not None and not given:
            _compare(rows, path, _read_short(other, []), other, listing)
        return rows
    if not isinstance(content, dict):
        raise DataError(f"{path}: found no list of glosses or clips, expected one", "Download the list again")
    rows = read_short_list(path, content, listing.problems)
    full_path = find_file(root, beside, (_FULL_LIST,))
    full = _read_full(full_path) if full_path else []
    if full_path:
        _compare(full, full_path, rows, path, listing)
    return add_from(rows, full, glosses, keep_range=True)


def _rows_of_masa_lists(
    root: Path, annotations: Path | None, glosses: Mapping[int, str], listing: CorpusListing
) -> list[Row]:
    lists = find_masa_lists(root, annotations)
    if not lists:
        raise none_found(root, annotations, (_FULL_LIST, *_SHORT_LISTS, *NAMES))
    full_path = find_file(root, None, (_FULL_LIST,))
    full = _read_full(full_path) if full_path else []
    rows = [
        Row(Clip(name.stem, Path(), "", CORPUS, label=name.label, split=name.split), False, name.where)
        for name in read_masa_lists(lists.items(), WLASL_CLASSES, listing.problems)
    ]
    if full_path:
        _compare(full, full_path, rows, next(iter(lists)).parent, listing)
    return add_from(rows, full, glosses, keep_range=False)


def _read_full(path: Path) -> list[Row]:
    content = read_json(path)
    return read_full_list(path, content, []) if isinstance(content, list) else []


def _read_short(path: Path, problems: list[Problem]) -> list[Row]:
    content = read_json(path)
    return read_short_list(path, content, problems) if isinstance(content, dict) else []


def _compare(full: list[Row], full_path: Path, rows: list[Row], path: Path, listing: CorpusListing) -> None:
    """Warn if a shorter list names clips that the full list lacks, or contradicts it."""
    known = {row.clip.id: row.clip for row in full}
    lacking = [row.clip.id for row in rows if row.clip.id not in known]
    labels = [row.clip.id for row in rows if known.get(row.clip.id, row.clip).label != row.clip.label]
    splits = [row.clip.id for row in rows if known.get(row.clip.id, row.clip).split != row.clip.split]
    for ids, what in (
        (lacking, f"clips that {full_path.name} lacks"),
        (labels, f"clips with another label than in {full_path.name}"),
        (splits, f"clips in another split than in {full_path.name}"),
    ):
        if ids:
            more = ", …" if len(ids) > 12 else ""
            listing.warn(
                str(path),
                f"{path.name} has {len(ids):,} {what}: {', '.join(sorted(ids)[:12])}{more}",
                "Select one of the lists with {annotations}",
                annotations=...,
            )


def _compare_glosses(
    rows: list[Row], path: Path, glosses_path: Path | None, glosses: Mapping[int, str], listing: CorpusListing
) -> None:
    known = {row.clip.label: row.clip.gloss for row in rows}
    for label, gloss in glosses.items():
        if known.get(label, gloss) != gloss:
            listing.warn(
                str(glosses_path),
                f"{glosses_path}, label {label}: found {gloss!r}, {path.name} has {known[label]!r}",
                f"No action is needed: the glosses of {path.name} are used",
            )

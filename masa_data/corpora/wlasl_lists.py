"""Reading of the three kinds of WLASL lists into rows; their videos are located later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from masa_data.classes.subsets import WLASL_CLASSES
from masa_data.corpora.annotations import Fields, label_in, read_lines
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.listing import Row
from masa_data.corpora.ranges import DeclaredRange
from masa_data.errors import DataError
from masa_data.tracks.box import Box

CORPUS: Final = "wlasl"

# Frame rate of the frame numbers in the lists, independent of the video's own rate.
LIST_FPS: Final = 25

_NOWHERE: Final = Path()


def read_full_list(path: Path, content: list[object], problems: list[Problem]) -> list[Row]:
    """Read the rows of `WLASL_v0.3.json` or a list of the same form; a wrong row becomes a problem."""
    rows: list[Row] = []
    for label, item in enumerate(content):
        try:
            entry = Fields.of(f"{path}, gloss {label}", item)
            gloss = entry.text("gloss")
            instances = entry.values.get("instances")
            if not isinstance(instances, list):
                raise entry.error("no list of `instances`", "one")
            if label >= WLASL_CLASSES:
                raise entry.error(f"more than {WLASL_CLASSES} glosses", f"at most {WLASL_CLASSES}")
        except DataError as error:
            problems.append(Problem.of(error, str(path)))
            continue
        for number, instance in enumerate(instances):
            try:
                fields = Fields.of(f"{path}, gloss {label}, instance {number}", instance)
                rows.append(_instance_row(fields, gloss, label))
            except DataError as error:
                problems.append(Problem.of(error, str(path)))
    return rows


def read_short_list(path: Path, content: Mapping[str, object], problems: list[Problem]) -> list[Row]:
    """Read the rows of an `nslt_*.json`; a wrong row becomes a problem."""
    rows: list[Row] = []
    for video_id, item in content.items():
        try:
            fields = Fields.of(f"{path}, row {video_id!a}", item)
            name = Fields(fields.where, {"id": video_id}).name("id")
            action = fields.values.get("action")
            if not isinstance(action, list) or len(action) != 3:
                raise fields.error("no `action` of three numbers", "[label, first frame, last frame]")
            numbers = Fields(
                fields.where, dict(zip(("label", "first frame", "last frame"), action, strict=True))
            )
            clip = Clip(
                name,
                _NOWHERE,
                "",
                CORPUS,
                label=numbers.whole("label", 0, WLASL_CLASSES),
                split=fields.split("subset"),
                declared=_declared(numbers, "first frame", "last frame"),
            )
            rows.append(Row(clip, False, fields.where))
        except DataError as error:
            problems.append(Problem.of(error, str(path)))
    return rows


def read_glosses(path: Path) -> dict[int, str]:
    """Read the glosses of `wlasl_class_list.txt` by label.

    Raises:
        DataError: if a row is wrong.
        OSError: if the file cannot be read.
    """
    glosses = {}
    for number, line in read_lines(path):
        text, _, gloss = line.partition("\t")
        label = label_in(text, WLASL_CLASSES)
        if label is None or not gloss.strip():
            raise DataError(
                f"{path}, row {number}: found {line[:60]!r}, expected a label, a tab and a gloss",
                "Correct the row",
            )
        glosses[label] = gloss.strip()
    return glosses


def add_from(
    rows: Iterable[Row], full: Iterable[Row], glosses: Mapping[int, str], *, keep_range: bool
) -> list[Row]:
    """Complete rows with data of the full list, and with glosses by label for clips that it lacks.

    Args:
        rows: rows of a shorter list; their labels and splits are kept.
        full: rows of the full list.
        glosses: glosses of the class list, by label.
        keep_range: whether the ranges of the rows are kept as well.
    """
    known = {row.clip.id: row for row in full}
    glosses = {**glosses, **{row.clip.label: row.clip.gloss for row in known.values()}}
    return [_add_from(row, known.get(row.clip.id), glosses, keep_range) for row in rows]


def _add_from(row: Row, known: Row | None, glosses: Mapping[int, str], keep_range: bool) -> Row:
    clip = row.clip
    if known is None:
        return replace(row, clip=replace(clip, gloss=glosses.get(clip.label, "")))
    declared = clip.declared if keep_range else known.clip.declared
    return replace(
        row,
        clip=replace(known.clip, label=clip.label, split=clip.split, declared=declared),
        url=known.url,
    )


def _instance_row(fields: Fields, gloss: str, label: int) -> Row:
    x0, y0, x1, y1 = fields.numbers("bbox", 4, 0)
    if x0 >= x1 or y0 >= y1:
        raise fields.error(f"the bbox {[x0, y0, x1, y1]}", "[xmin, ymin, xmax, ymax] that increase")
    clip = Clip(
        fields.name("video_id"),
        _NOWHERE,
        "",
        CORPUS,
        gloss=gloss,
        label=label,
        split=fields.split("split"),
        signer=str(fields.whole("signer_id", 0)),
        declared=_declared(fields, "frame_start", "frame_end"),
        box=Box(x0, y0, x1, y1, "pixel"),
    )
    return Row(clip, False, fields.where, fields.text("url", ""))


def _declared(fields: Fields, first_key: str, last_key: str) -> DeclaredRange | None:
    first, last = fields.whole(first_key, 1), fields.whole(last_key, -1)
    if last != -1 and last < first:
        raise fields.error(f"frames {first} to {last}", "a last frame of -1 or not before the first")
    if first == 1 and last == -1:
        return None
    return DeclaredRange.of_frames(first, None if last == -1 else last, LIST_FPS)

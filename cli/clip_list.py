"""masa-inspect --list: one line for each clip of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console

from masa_data.shards.reader import PoseShards

from .console import json_text

_COLUMNS: Final = ("id", "gloss", "split", "signer", "frames")


def print_clip_list(console: Console, tracks: PoseShards, *, as_json: bool) -> None:
    """Print id, gloss, split, signer and number of frames of every clip, in the order of the file.

    Args:
        console: where to print them.
        tracks: the file.
        as_json: print one JSON object on each line; unknown values are null.
    """
    if as_json:
        lines = [json_text(dict(zip(_COLUMNS, row, strict=True)), console.encoding) for row in _rows(tracks)]
    else:
        lines = _aligned([_COLUMNS, *(tuple(_shown(value) for value in row) for row in _rows(tracks))])
    console.print("\n".join(lines))


def _rows(tracks: PoseShards) -> Iterator[tuple[str | int | None, ...]]:
    texts = [[text or None for text in tracks.column(name).tolist()] for name in _COLUMNS[:-1]]
    yield from zip(*texts, tracks.lengths.tolist(), strict=True)


def _shown(value: str | int | None) -> str:
    """A value on one line; "-" if it is unknown, so that all lines have the same number of columns."""
    return "-" if value is None else str(value).replace("\n", "\\n").replace("\t", "\\t")


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines with aligned columns; letters that are two cells wide in a terminal are counted as two."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]

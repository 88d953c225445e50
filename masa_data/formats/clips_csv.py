"""`clips.csv`: the properties of each clip, next to files that contain only keypoints.

An export writes it into its folder. An import of that folder takes from it what the other files lack: size,
rate and frame numbers, and corpus, gloss, label, split and signer.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, TextIO

from typing_extensions import Self

from masa_data.corpora.clip import Clip, Listed
from masa_data.corpora.csv_table import read_csv
from masa_data.errors import DataError
from masa_data.formats.clip_facts import read_facts
from masa_data.formats.frame_numbers import written_frames
from masa_data.tracks.track import INFO_FIELDS, ClipInfo, PoseTrack

CLIPS_CSV: Final = "clips.csv"

_NUMBERS: Final = "frame_numbers"
_EARLIER: Final = (*INFO_FIELDS, "frames")  # columns that the first version of the export wrote
_COLUMNS: Final = (*_EARLIER, _NUMBERS)
_MAX_BYTES: Final = 256 << 20  # a clip takes a few hundred bytes
_ADVICE: Final = "Correct the line, or remove the list"


class ClipsCsv:
    """Writes a folder's list, one line per clip. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._file: TextIO = (folder / CLIPS_CSV).open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, _COLUMNS)
        self._writer.writeheader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, track: PoseTrack) -> None:
        """Write the line of a clip."""
        numbers = written_frames(track.frame_index)
        self._writer.writerow({**asdict(track.info), "frames": len(track), _NUMBERS: numbers})


def with_listed_facts(folder: Path, clips: list[Clip]) -> list[Clip]:
    """Return the clips of a folder with the properties in its list, if it has such a list.

    A `clips.csv` with other columns does not come from an export and is ignored.

    Raises:
        DataError: if the list is damaged.
        OSError: if it cannot be read.
    """
    path = folder / CLIPS_CSV
    if not path.is_file():
        return clips
    if (size := path.stat().st_size) > _MAX_BYTES:
        raise DataError(
            f"{CLIPS_CSV}: found {size:,} bytes, expected at most {_MAX_BYTES:,}",
            "Export again, or remove it",
        )
    try:
        table = read_csv(path)
        if tuple(table.columns) not in (_COLUMNS, _EARLIER):
            return clips
        rows = {row["id"]: row for _, row in table.rows()}
    except DataError as error:
        reason = error.reason.removeprefix(f"{path}: ").removeprefix(f"{path}, ")
        raise DataError(f"{CLIPS_CSV}: {reason}", "Export again, or remove it") from None
    return [_with_facts(clip, rows[clip.id]) if clip.id in rows else clip for clip in clips]


def _with_facts(clip: Clip, row: dict[str, str]) -> Clip:
    facts = read_facts(row, f"{CLIPS_CSV}, clip {clip.id[:40]!a}", _ADVICE)
    info = ClipInfo(**{**facts, "corpus": facts["corpus"] or clip.corpus})
    return replace(
        clip,
        corpus=info.corpus,
        gloss=info.gloss,
        label=info.label,
        split=info.split,
        signer=info.signer,
        listed=Listed(info, row.get(_NUMBERS, "")),
    )

"""`clips.csv`: what is known of each clip, beside files that hold keypoints alone.

An export writes it into its folder, and an import of that folder takes corpus, gloss, label, split and signer
from it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, TextIO

from typing_extensions import Self

from masa_data.corpora.annotations import read_text
from masa_data.corpora.clip import SPLIT_NAMES, Clip
from masa_data.corpora.labels import MAX_LABEL, whole_number
from masa_data.errors import DataError
from masa_data.track import INFO_FIELDS, NO_LABEL, PoseTrack

CLIPS_CSV: Final = "clips.csv"

_COLUMNS: Final = (*INFO_FIELDS, "frames")
_MAX_BYTES: Final = 256 << 20  # a clip has some hundred


class ClipsCsv:
    """Writes a folder's list, a line a clip. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._file: TextIO = (folder / CLIPS_CSV).open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, _COLUMNS)
        self._writer.writeheader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, track: PoseTrack) -> None:
        """Write a clip's line."""
        self._writer.writerow({**asdict(track.info), "frames": len(track)})


def with_listed_labels(folder: Path, clips: list[Clip]) -> list[Clip]:
    """The clips of a folder with the labels that its list gives them, if it has such a list.

    A `clips.csv` with other columns is somebody else's and does not count.

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
    text = read_text(path)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            return clips
        rows = {row["id"]: row for row in reader}
    except csv.Error as error:
        raise DataError(f"{CLIPS_CSV}: found no CSV ({error})", "Export again, or remove it") from None
    return [_labelled(clip, rows[clip.id]) if clip.id in rows else clip for clip in clips]


def _labelled(clip: Clip, row: dict[str, str | None]) -> Clip:
    corpus, gloss, label, split, signer = (
        row[name] for name in ("corpus", "gloss", "label", "split", "signer")
    )
    number = whole_number(label or str(NO_LABEL))
    known_split = not split or split.lower() in SPLIT_NAMES
    if number is None or not NO_LABEL <= number < MAX_LABEL or not known_split or row["frames"] is None:
        raise DataError(
            f"{CLIPS_CSV}: found the label {str(label)[:40]!a} and the split {str(split)[:40]!a} of clip "
            f"{clip.id[:40]!a}, expected a number and train, val, test or nothing",
            "Correct the line, or remove the list",
        )
    return replace(
        clip,
        corpus=corpus or clip.corpus,
        gloss=gloss or "",
        label=number,
        split=SPLIT_NAMES[split.lower()] if split else "",
        signer=signer or "",
    )

"""Export to a pickle for pyskl and MMAction2: {'split': {name: [frame_dir, …]}, 'annotations': [...]}.

If no clip has a split, the file contains only the list of annotations, which their PoseDataset reads if no
split is requested.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np
from typing_extensions import Self

from masa_data.errors import DataError
from masa_data.formats.exporter import even_step, xy_and_score
from masa_data.formats.frame_numbers import written_frames
from masa_data.texts import counted
from masa_data.tracks.track import NO_LABEL, PoseTrack

# Newer protocols divide a pickle into frames; then annotations could not be concatenated.
_PROTOCOL: Final = 3
_FACTS: Final = (
    "path",
    "corpus",
    "gloss",
    "signer",
    "fps",
    "start",
    "end",
    "source_sha256",
    "several_people",
)


class PysklExport:
    """Writes one annotation after the other, so that memory does not grow with their number."""

    not_held = "times and boxes"

    def __init__(self, path: Path, corpora: Collection[str], splits: Collection[str]) -> None:
        """Start a file.

        Args:
            path: path of the output file.
            corpora: corpora of the tracks.
            splits: splits of the tracks, including "" for tracks without one.

        Raises:
            DataError: if there are several corpora, whose class numbers would be mixed.
            OSError: if the file cannot be written.
        """
        if len(corpora) > 1:
            raise DataError(
                f"found clips of the corpora {', '.join(sorted(corpora))}, expected one: pyskl identifies "
                "classes only by number",
                "Select one corpus with masa-convert filter --where corpus=NAME",
            )
        self._file = path.open("wb")
        # A pickle is a list of instructions: make a list, perhaps in a dict, and append what follows to it.
        self._file.write(b"\x80" + bytes([_PROTOCOL]))
        self._has_splits = any(splits)
        if self._has_splits:
            self._file.write(pickle.EMPTY_DICT + _instructions("annotations"))
        self._file.write(pickle.EMPTY_LIST)
        self._splits: dict[str, list[str]] = defaultdict(list)
        self._without_split = 0
        self._unlabeled = 0
        self._gaps = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            OSError: if the disk is full.
        """
        info = track.info
        points = xy_and_score(track)[None]
        annotation = {
            "frame_dir": info.id,
            "label": info.label,
            "img_shape": (info.height, info.width),
            "original_shape": (info.height, info.width),
            "total_frames": len(track),
            "keypoint": np.ascontiguousarray(points[..., :2]),
            "keypoint_score": np.ascontiguousarray(points[..., 2]),
            # Only masa reads these; with them, an import restores the exact file.
            "frame_numbers": written_frames(track.frame_index),
            **{name: getattr(info, name) for name in _FACTS},
        }
        self._file.write(_instructions(annotation) + pickle.APPEND)
        if info.split:
            self._splits[info.split].append(info.id)
        self._without_split += self._has_splits and not info.split
        self._unlabeled += info.label == NO_LABEL
        self._gaps += even_step(track) != 1

    def finish(self) -> list[str]:
        """Write the splits.

        Returns:
            data of these tracks that was lost.
        """
        if self._has_splits:
            self._file.write(pickle.SETITEM + _instructions("split") + _instructions(dict(self._splits)))
            self._file.write(pickle.SETITEM)
        self._file.write(pickle.STOP)
        notes = []
        if self._without_split:
            notes.append(
                counted(self._without_split, "clip has", "clips have")
                + " no split: a PoseDataset with a split ignores them"
            )
        if self._unlabeled:
            notes.append(
                f"{counted(self._unlabeled, 'clip has', 'clips have')} no class: the label is {NO_LABEL}"
            )
        if self._gaps:
            notes.append(
                f"{counted(self._gaps, 'clip lacks', 'clips lack')} frames of the source: "
                "only masa-convert reads their frame numbers"
            )
        return notes


def _instructions(value: Any) -> bytes:  # noqa: ANN401
    """Return the instructions that put a value on the stack of a pickle reader."""
    return pickle.dumps(value, _PROTOCOL)[2:-1]  # without the protocol at the start and STOP at the end

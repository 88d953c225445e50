"""Export to a pickle for pyskl and MMAction2: {'split': {name: [frame_dir, …]}, 'annotations': [...]}.

Where no clip has a split it is the list of annotations alone, for which their PoseDataset takes the file when
it is asked for no split.
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

# Later protocols cut a pickle into frames; then annotations could not be strung together.
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
        """Begin a file.

        Args:
            path: to be written.
            corpora: of the tracks.
            splits: of the tracks, "" among them for those that have none.

        Raises:
            DataError: if there is more than one: their class numbers would mix.
            OSError: if the file cannot be written.
        """
        if len(corpora) > 1:
            raise DataError(
                f"found clips of the corpora {', '.join(sorted(corpora))}, expected one: pyskl knows classes "
                "by number only",
                "Take one corpus with masa-convert filter --where corpus=NAME",
            )
        self._file = path.open("wb")
        # A pickle is a list of instructions: make a list, perhaps in a dict, and append to it what follows.
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
            # Nobody else reads these; with them the file comes back as it was.
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
            what these tracks lost.
        """
        if self._has_splits:
            self._file.write(pickle.SETITEM + _instructions("split") + _instructions(dict(self._splits)))
            self._file.write(pickle.SETITEM)
        self._file.write(pickle.STOP)
        notes = []
        if self._without_split:
            notes.append(
                counted(self._without_split, "clip has", "clips have")
                + " no split: a PoseDataset of a split leaves them out"
            )
        if self._unlabeled:
            notes.append(
                f"{counted(self._unlabeled, 'clip has', 'clips have')} no class: the label is {NO_LABEL}"
            )
        if self._gaps:
            notes.append(
                f"{counted(self._gaps, 'clip keeps', 'clips keep')} not every frame of the source: "
                "only masa-convert reads that"
            )
        return notes


def _instructions(value: Any) -> bytes:  # noqa: ANN401
    """The instructions that put a value on the stack of whoever reads the pickle."""
    return pickle.dumps(value, _PROTOCOL)[2:-1]  # without the protocol in front and STOP behind

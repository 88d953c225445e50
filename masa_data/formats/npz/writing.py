"""Export to an npz file of many clips: kp49 as shares of the frame, cut into clips by offsets."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from masa_data.formats.exporter import xy_and_score
from masa_data.formats.npz.facts import CLASS_NUMBER
from masa_data.texts import counted
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import INFO_FIELDS, PoseTrack

# In addition to `label`, `split` and `signer`, which other files of this kind also have.
_FACTS: Final = tuple(name for name in INFO_FIELDS if name not in ("label", "split", "signer"))


class NpzExport:
    """Writes the keypoints track by track, then the properties of all tracks."""

    not_held = "times and boxes"

    def __init__(self, path: Path, frames: int) -> None:
        """Start a file.

        Args:
            path: path of the output file.
            frames: number of frames of all tracks together.
        """
        self._file = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._keypoints = self._file.open("kp49.npy", "w", force_zip64=True)
        np.lib.format.write_array_header_1_0(
            self._keypoints,
            {"descr": "<f4", "fortran_order": False, "shape": (frames, NUM_KEYPOINTS, 3)},
        )
        self._expected = frames
        self._offsets = [0]
        self._columns: dict[str, list[Any]] = defaultdict(list)
        self._frame_index: list[NDArray[np.int32]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._keypoints.close()
        self._file.close()

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            OSError: if the disk is full.
        """
        shares = xy_and_score(track)
        shares[..., :2] /= (track.info.width, track.info.height)
        self._keypoints.write(shares.astype("<f4").tobytes())
        self._offsets.append(self._offsets[-1] + len(track))
        self._frame_index.append(track.frame_index)
        info = track.info
        self._columns["label"].append(info.gloss or (str(info.label) if info.label >= 0 else ""))
        self._columns[CLASS_NUMBER].append(info.label)
        for name in ("split", "signer", *_FACTS):
            self._columns[name].append(getattr(info, name))

    def finish(self) -> list[str]:
        """Write the properties of the tracks.

        Returns:
            data of these tracks that was lost.
        """
        assert self._offsets[-1] == self._expected, "the number of frames must match the header"
        self._keypoints.close()
        columns = {
            "offsets": np.array(self._offsets),
            "frame_index": np.concatenate(self._frame_index),
            **{name: np.array(values) for name, values in self._columns.items()},
        }
        for name, values in columns.items():
            with self._file.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, values, allow_pickle=False)
        notes = []
        if (nameless := self._columns["label"].count("")) > 0:
            notes.append(
                f"{counted(nameless, 'clip has', 'clips have')} no gloss and no class: the label is empty"
            )
        if len(set(self._columns["corpus"])) > 1:
            notes.append("labels of several corpora are in one list; `corpus` has the corpus of each clip")
        return notes

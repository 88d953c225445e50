"""Export to .pose files, one per clip, which pose-format can read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from masa_data.errors import DataError
from masa_data.formats.exporter import even_step, place_of, xy_and_score
from masa_data.formats.pose.header import PoseHeader
from masa_data.formats.pose.points import HOLISTIC, WHOLEBODY
from masa_data.texts import counted
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.track import PoseTrack

_MAX_SIDE: Final = 65535


class PoseExport:
    """Writes `ID.pose`: 49 points, named as in Holistic if MediaPipe found them, else as in WholeBody."""

    not_held = "frame numbers, times and boxes"

    def __init__(self, folder: Path, estimator: EstimatorIdentity) -> None:
        """Start writing to a folder.

        Args:
            folder: an existing folder.
            estimator: estimator of the tracks; determines the names of the points.
        """
        self._folder = folder
        found_by = f"{estimator.name} {estimator.settings.get('source', '')}"
        self._layout = HOLISTIC if "mediapipe" in found_by or "holistic" in found_by else WHOLEBODY
        self._uneven = 0
        self._clockless = 0

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is not a valid path, or its frames are larger than the format allows.
            OSError: if the disk is full.
        """
        path = place_of(self._folder, track.info.id, ".pose")
        if max(track.info.width, track.info.height) > _MAX_SIDE:
            raise DataError(
                f"found frames of {track.info.width}×{track.info.height}, expected sides up to {_MAX_SIDE}",
                "Choose another format",
            )
        step = even_step(track)
        fps = track.info.fps / (step or float(np.diff(track.frame_index).mean()))
        self._uneven += step is None
        self._clockless += not np.isfinite(fps)
        header = PoseHeader(
            track.info.width,
            track.info.height,
            self._layout.written(),
            float(np.nan_to_num(fps)),
            len(track),
            1,
        )
        points = xy_and_score(track).astype("<f4")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header.written() + points[..., :2].tobytes() + points[..., 2].tobytes())

    def finish(self) -> list[str]:
        """Return the data of these tracks that was lost."""
        notes = []
        if self._uneven:
            notes.append(
                f"{counted(self._uneven, 'clip keeps', 'clips keep')} frames at uneven steps: "
                "the rate is an average"
            )
        if self._clockless:
            notes.append(f"{counted(self._clockless, 'clip has', 'clips have')} no frame rate: 0 is written")
        return notes

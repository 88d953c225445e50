"""Export to what reads COCO-WholeBody's 133 keypoints: MMPose's JSON and the released MASA code's pickles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Final

import numpy as np

from masa_data.exchange.exports.base import as_wholebody, place_of
from masa_data.exchange.people import box_of
from masa_data.track import PoseTrack

_OTHERS: Final = "the 84 of the 133 keypoints that our files do not have are zeros with score 0"
_DECIMALS: Final = 4  # finer than a step of our files, at any size of frame


class MMPoseExport:
    """Writes `ID.json` as MMPose's inferencer does: a list of frames, each with one person or none."""

    not_held = f"times; and {_OTHERS}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is no path.
            OSError: if the disk is full.
        """
        path = place_of(self._folder, track.info.id, ".json")
        points = np.round(as_wholebody(track).astype(np.float64), _DECIMALS)
        frames = []
        for number, row, box in zip(track.frame_index.tolist(), points, track.box, strict=True):
            people = []
            if (row[:, 2] > 0).any():
                here = box if np.isfinite(box).all() else box_of(row[:, :2], row[:, 2])
                people.append(
                    {
                        "keypoints": row[:, :2].tolist(),
                        "keypoint_scores": row[:, 2].tolist(),
                        "bbox": [np.round(here.astype(np.float64), _DECIMALS).tolist()],
                        "bbox_score": 1.0,
                    }
                )
            frames.append({"frame_id": number, "instances": people})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(frames), encoding="utf-8")

    def finish(self) -> list[str]:
        """What these tracks lost: nothing more."""
        return []


class MasaPickleExport:
    """Writes `ID.pkl`: {'keypoints': (T, 133, 3), 'img_list': [...]}."""

    not_held = f"times and boxes; and {_OTHERS}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is no path.
            OSError: if the disk is full.
        """
        path = place_of(self._folder, track.info.id, ".pkl")
        images = [f"image_{number:05d}.jpg" for number in track.frame_index.tolist()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({"keypoints": as_wholebody(track), "img_list": images}, protocol=4))

    def finish(self) -> list[str]:
        """What these tracks lost: nothing more."""
        return []

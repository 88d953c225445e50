"""Export to OpenPose's JSON: a folder a clip, a file a frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.exchange.exports.base import place_of, xy_and_score
from masa_data.exchange.openpose_json import BODY_25_INDICES, NUM_BODY_25
from masa_data.skeleton import BODY, LEFT_HAND, RIGHT_HAND
from masa_data.track import PoseTrack

_DECIMALS: Final = 4  # finer than a step of our files, at any size of frame
_NO_FACE: Final = [0] * (3 * 70)  # pose-format takes all 70 to be there


class OpenPoseExport:
    """Writes `ID/NAME_000000000042_keypoints.json`, 42 being the frame: BODY_25 and both hands."""

    not_held = (
        "times and boxes; and of BODY_25 only the nose, shoulders, elbows and wrists are known: the neck and "
        "17 others are zeros"
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is no path.
            OSError: if the disk is full.
        """
        place = place_of(self._folder, track.info.id)
        place.mkdir(parents=True, exist_ok=True)
        points = np.round(xy_and_score(track).astype(np.float64), _DECIMALS)
        body = np.zeros((len(track), NUM_BODY_25, 3))
        body[:, BODY_25_INDICES] = points[:, BODY]
        rows = zip(
            track.frame_index.tolist(),
            _flat(body),
            _flat(points[:, LEFT_HAND]),
            _flat(points[:, RIGHT_HAND]),
            (track.confidence > 0).max(axis=1).tolist(),
            strict=True,
        )
        for number, body_row, left, right, is_there in rows:
            people = [_person(body_row, left, right)] if is_there else []
            name = f"{place.name}_{number:012d}_keypoints.json"
            (place / name).write_text(json.dumps({"version": 1.3, "people": people}), encoding="utf-8")

    def finish(self) -> list[str]:
        """What these tracks lost: nothing more."""
        return []


def _flat(points: NDArray[np.floating]) -> list[list[float]]:
    flat: list[list[float]] = points.reshape(len(points), -1).tolist()
    return flat


def _person(body: list[float], left: list[float], right: list[float]) -> dict[str, Any]:
    flat = {
        "pose_keypoints_2d": body,
        "face_keypoints_2d": _NO_FACE,
        "hand_left_keypoints_2d": left,
        "hand_right_keypoints_2d": right,
    }
    return {"person_id": [-1], **flat, **{name.replace("2d", "3d"): [] for name in flat}}

"""OpenPose's JSON: one file per frame, `VIDEO_000000000042_keypoints.json`, with BODY_25 and both hands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.annotations import Fields, read_json
from masa_data.corpora.clip import Listing, Problem, join
from masa_data.corpora.folder import walk_folders
from masa_data.errors import DataError
from masa_data.formats.clips_csv import with_listed_facts
from masa_data.formats.exporter import DECIMALS, place_of, xy_and_score
from masa_data.formats.frame_files import FrameFiles
from masa_data.formats.people import Instance, box_of
from masa_data.formats.untrusted.limits import regular_size
from masa_data.tracks.skeleton import BODY, LEFT_HAND, NUM_HAND_KEYPOINTS, RIGHT_HAND
from masa_data.tracks.track import PoseTrack

# Index of each of the seven body keypoints among BODY_25's. The 21 of a hand have the same order.
_BODY_25_INDICES: Final = np.array([0, 5, 6, 7, 2, 3, 4])
_NUM_BODY_25: Final = 25

_FRAME_FILE: Final = re.compile(r"(?:(.+)_)?(\d{1,12})_keypoints\.json")
_MAX_BYTES: Final = 8 << 20  # a frame of one person takes about 10,000 bytes
_HUGE: Final = 1e9
_RUN_AGAIN: Final = "Run OpenPose again with --model_pose BODY_25 --hand --keypoint_scale 0, or leave it out"
_NO_FACE: Final = [0] * (3 * 70)  # pose-format requires all 70 points


def openpose_frames() -> FrameFiles:
    """Return an object that finds and reads the frames of OpenPose's clips."""
    return FrameFiles(_frame_of, _people)


def list_openpose(frames: FrameFiles, inputs: Iterable[str], corpus: str) -> Listing:
    """List the clips in folders, as `FrameFiles.add_folder` does; `train/gloss/clip/` has gloss and split.

    Args:
        frames: object to which the clips' files are added.
        inputs: folders.
        corpus: name of the corpus.
    """
    return join(_list_one(frames, Path(name), corpus) for name in inputs)


def _list_one(frames: FrameFiles, root: Path, corpus: str) -> Listing:
    listing = Listing()
    try:
        if not root.is_dir():
            raise DataError("there is no such folder", "Give the folder of JSON files that OpenPose wrote")
        for folder, names in walk_folders(root):
            others = frames.add_folder(listing, root, folder, names)
            listing.ignored.update(Path(name).suffix.lower() for name in others)
        clips = [replace(clip, corpus=corpus) for clip in listing.clips]
        listing.clips = with_listed_facts(root, sorted(clips, key=lambda clip: clip.id))
        if not listing.clips and not listing.problems:
            raise DataError("there is no file …_keypoints.json in it", "Check the path")
    except DataError as error:
        listing.problems.append(Problem.of(error, ascii(str(root))[1:-1]))
    except OSError as error:
        unreadable = DataError(f"cannot be read ({error.strerror})", "Check its permissions")
        listing.problems.append(Problem.of(unreadable, str(root)))
    return listing


def _frame_of(path: Path) -> tuple[str, int] | None:
    match = _FRAME_FILE.fullmatch(path.name)
    return (match[1] or "", int(match[2])) if match else None


def _people(path: Path) -> list[Instance]:
    size = regular_size(path)
    if size > _MAX_BYTES:
        raise DataError(
            f"{path.name}: found {size:,} bytes, expected at most {_MAX_BYTES:,}: one frame", _RUN_AGAIN
        )
    try:
        content = Fields.of("the file", read_json(path))
        people = content.values.get("people")
        if not isinstance(people, list):
            raise content.error("no list as `people`", "the people in the frame")
        found = [_instance(Fields.of(f"person {which}", row)) for which, row in enumerate(people)]
    except DataError as error:
        reason = error.reason.removeprefix(f"{path}, ").removeprefix(f"{path}: ")
        raise DataError(f"{path.name}: {reason}", _RUN_AGAIN) from None
    return [person for person in found if person is not None]


def _instance(fields: Fields) -> Instance | None:
    """Return one person; None if none of the 49 keypoints has a score."""
    body = _points(fields, "pose_keypoints_2d", _NUM_BODY_25)[_BODY_25_INDICES]
    hands = [_points(fields, f"hand_{side}_keypoints_2d", NUM_HAND_KEYPOINTS) for side in ("left", "right")]
    points = np.concatenate([body, *hands])
    if not (points[:, 2] > 0).any():
        return None
    return Instance(points[:, :2], points[:, 2], box_of(points[:, :2], points[:, 2]))


def _points(fields: Fields, key: str, count: int) -> NDArray[np.float32]:
    """Return (count, 3) x, y, score; zeros if the points were not requested or not found."""
    values = fields.values.get(key, [])
    if values == [] and not key.startswith("pose"):
        return np.zeros((count, 3), np.float32)
    if not isinstance(values, list) or len(values) != 3 * count:
        found = f"{len(values)} values" if isinstance(values, list) else f"a {type(values).__name__}"
        raise fields.error(f"{found} as `{key}`", f"{3 * count}: x, y and score of {count} points")
    try:
        array = np.asarray(values)
    except ValueError:
        raise fields.error(f"lists in `{key}`", "numbers") from None
    if array.dtype.kind not in "iuf" or array.ndim != 1 or not (np.abs(array) < _HUGE).all():
        raise fields.error(f"values that are not numbers in `{key}`", "pixels and scores")
    return array.reshape(count, 3).astype(np.float32)


class OpenPoseExport:
    """Writes `ID/NAME_000000000042_keypoints.json` for frame 42: BODY_25 and both hands."""

    not_held = (
        "times and boxes; and of BODY_25 only nose, shoulders, elbows and wrists are known: the neck and "
        "17 others are zeros"
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is not a valid path.
            OSError: if the disk is full.
        """
        place = place_of(self._folder, track.info.id)
        place.mkdir(parents=True, exist_ok=True)
        points = np.round(xy_and_score(track).astype(np.float64), DECIMALS)
        body = np.zeros((len(track), _NUM_BODY_25, 3))
        body[:, _BODY_25_INDICES] = points[:, BODY]
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
        """Return the data that was lost in addition to `not_held`: none."""
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

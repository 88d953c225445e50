"""MMPose's JSON: people with 133 keypoints in each frame.

There are three forms: the list of frames that `MMPoseInferencer(..., pred_out_dir=...)` writes for a video,
with frames counted from 0; `{"meta_info": …, "instance_info": [frames]}` of MMPose's demo scripts, with
frames counted from 1; and, for a folder of images, one file per image, `000042.json`, with a list of people.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.annotations import Fields, read_json
from masa_data.errors import DataError
from masa_data.formats.exporter import DECIMALS, NOT_OURS, as_wholebody, place_of
from masa_data.formats.frame_files import FrameFiles
from masa_data.formats.people import Instance, box_of, find_signer
from masa_data.formats.untrusted.limits import check_frames, regular_size
from masa_data.formats.wholebody import NUM_WHOLEBODY, WholeBody
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from masa_data.tracks.track import PoseTrack

_MAX_BYTES: Final = 128 << 20  # about 5,000 frames of one person
_MAX_IMAGE_BYTES: Final = 8 << 20  # one person takes about 10,000 bytes
_HUGE: Final = 1e9
# "clip_000042.json", "000042.json", "frame (42).json"; and the beginning of the list of people of an image.
_NUMBERED: Final = re.compile(r"(?:(.*?)[ _.-]*\(?)??(\d{1,12})\)?\.json", re.IGNORECASE)
_START: Final = 200
_IMAGE_START: Final = re.compile(rb'\s*\[\s*(?:\]|\{\s*"(?:keypoints|keypoint_scores|bbox|bbox_score)")')
_RUN_AGAIN: Final = "Run MMPose again with a COCO-WholeBody model, or leave the file out"


def read_mmpose_json(path: Path) -> WholeBody:
    """Read the signer's keypoints from a JSON file of MMPose; frames without the signer have score 0.

    Raises:
        DataError: if it is not such a file.
        OSError: if it cannot be read.
    """
    size = regular_size(path)
    if size > _MAX_BYTES:
        raise DataError(
            f"found {size:,} bytes, expected at most {_MAX_BYTES:,}: one clip of one sign",
            "Cut the video into clips before running MMPose",
        )
    try:
        content = read_json(path)
        frames, first = _frames(content) if not _is_one_image(content) else ([], 0)
        index = [
            Fields.of(f"frame {number}", row).whole("frame_id", first) - first
            for number, row in enumerate(frames)
        ]
        people = [_people(number, row) for number, row in enumerate(frames)]
    except DataError as error:
        raise DataError(
            error.reason.removeprefix(f"{path}, ").removeprefix(f"{path}: "), _RUN_AGAIN
        ) from None
    if not frames:
        raise DataError(
            "found the people of one image, as MMPoseInferencer writes them for a folder of images, expected "
            "a list of frames",
            "Give the folder with the files of all images, numbered by frame",
        )
    check_frames(len(frames))
    if any(later <= earlier for earlier, later in pairwise(index)):
        raise DataError(
            "found frame_ids that do not increase, expected each frame once, in order", _RUN_AGAIN
        )
    return find_signer(people, np.array(index))


def mmpose_frames() -> FrameFiles:
    """Return an object that finds and reads the frames of clips for which MMPose wrote one file per image."""
    return FrameFiles(_frame_of, _read_image)


def _frame_of(path: Path) -> tuple[str, int] | None:
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return None
    try:
        regular_size(path)
        with path.open("rb") as file:
            start = file.read(_START)
    except (OSError, DataError):
        return None  # it becomes a separate clip, whose error says what is wrong
    return (match[1] or "", int(match[2])) if _IMAGE_START.match(start) else None


def _read_image(path: Path) -> list[Instance]:
    if (size := regular_size(path)) > _MAX_IMAGE_BYTES:
        raise DataError(
            f"{path.name}: found {size:,} bytes, expected at most {_MAX_IMAGE_BYTES:,}: one frame", _RUN_AGAIN
        )
    try:
        return _people(0, {"instances": read_json(path)})
    except DataError as error:
        reason = error.reason.removeprefix(f"{path}, ").removeprefix(f"{path}: ").removeprefix("frame 0")
        raise DataError(f"{path.name}: {reason.lstrip(':, ')}", _RUN_AGAIN) from None


def _is_one_image(content: object) -> bool:
    """Return whether the content is a list of people, not of frames."""
    return isinstance(content, list) and any(
        isinstance(row, dict) and "keypoints" in row and "instances" not in row for row in content[:1]
    )


def _frames(content: object) -> tuple[list[object], int]:
    """Return the frames, and the number of the first."""
    frames, first = (content.get("instance_info"), 1) if isinstance(content, dict) else (content, 0)
    if not isinstance(frames, list) or not frames:
        what = "an empty list" if frames == [] else f"a {type(content).__name__}"
        raise DataError(f"found {what}, expected a list of frames or an `instance_info` with one", _RUN_AGAIN)
    return frames, first


def _people(number: int, frame: object) -> list[Instance]:
    fields = Fields.of(f"frame {number}", frame)
    instances = fields.values.get("instances")
    if not isinstance(instances, list):
        raise fields.error("no list as `instances`", "the people in the frame")
    return [
        _instance(Fields.of(f"frame {number}, instance {which}", row)) for which, row in enumerate(instances)
    ]


def _instance(fields: Fields) -> Instance:
    keypoints = _array(fields, "keypoints", (NUM_WHOLEBODY, 2))
    scores = _array(fields, "keypoint_scores", (NUM_WHOLEBODY,))
    ours = COCO_WHOLEBODY_INDICES
    return Instance(keypoints[ours], scores[ours], _box(fields, keypoints))


def _box(fields: Fields, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return left, top, right, bottom; MMPose puts them into another list. Default: box of the keypoints."""
    value = fields.values.get("bbox")
    if value is None:
        return np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
    nested = isinstance(value, list) and len(value) == 1
    return _array(fields, "bbox", (1, 4) if nested else (4,)).ravel()


def _array(fields: Fields, key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    expected = f"numbers of shape {shape}" + (
        ": COCO-WholeBody's 133 keypoints" if NUM_WHOLEBODY in shape else ""
    )
    if key not in fields.values:
        raise fields.error(f"no `{key}`", expected)
    try:
        array = np.asarray(fields.values[key])
    except ValueError:
        raise fields.error(f"lists of different lengths as `{key}`", expected) from None
    if array.dtype.kind not in "iuf":
        raise fields.error(f"values that are not numbers as `{key}`", expected)
    if array.shape != shape:
        raise fields.error(f"`{key}` of shape {array.shape}", expected)
    if not (np.abs(array) < _HUGE).all():
        raise fields.error(f"a number beyond a billion in `{key}`", expected)
    return array.astype(np.float32)


class MMPoseExport:
    """Writes `ID.json` in the form of MMPose's inferencer: a list of frames, each with one person or none."""

    not_held = f"times; and {NOT_OURS}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is not a valid path.
            OSError: if the disk is full.
        """
        path = place_of(self._folder, track.info.id, ".json")
        points = np.round(as_wholebody(track).astype(np.float64), DECIMALS)
        frames = []
        for number, row, box in zip(track.frame_index.tolist(), points, track.box, strict=True):
            people = []
            if (row[:, 2] > 0).any():
                here = box if np.isfinite(box).all() else box_of(row[:, :2], row[:, 2])
                people.append(
                    {
                        "keypoints": row[:, :2].tolist(),
                        "keypoint_scores": row[:, 2].tolist(),
                        "bbox": [np.round(here.astype(np.float64), DECIMALS).tolist()],
                        "bbox_score": 1.0,
                    }
                )
            frames.append({"frame_id": number, "instances": people})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(frames), encoding="utf-8")

    def finish(self) -> list[str]:
        """Return the data that was lost in addition to `not_held`: none."""
        return []

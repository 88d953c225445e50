"""OpenPose's JSON: a file a frame, `VIDEO_000000000042_keypoints.json`, of BODY_25 and both hands."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.annotations import Fields, read_json
from masa_data.corpora.clip import Clip, Listing, Problem, join
from masa_data.corpora.folder import clip_below, walk_folders
from masa_data.errors import DataError
from masa_data.exchange.clips_csv import with_listed_labels
from masa_data.exchange.limits import check_frames, regular_size
from masa_data.exchange.people import Instance, box_of, find_signer, largest
from masa_data.exchange.wholebody import WholeBody
from masa_data.skeleton import NUM_HAND_KEYPOINTS

# Index of each of our seven body keypoints among BODY_25's. A hand's 21 are in our order.
BODY_25_INDICES: Final = np.array([0, 5, 6, 7, 2, 3, 4])
NUM_BODY_25: Final = 25

_FRAME_FILE: Final = re.compile(r"(?:(.+)_)?(\d{1,12})_keypoints\.json")
_MAX_BYTES: Final = 8 << 20  # a frame of one person has some ten thousand
_HUGE: Final = 1e9
_MAX_NUMBER: Final = 10**9
_RUN_AGAIN: Final = "Run OpenPose again with --model_pose BODY_25 --hand --keypoint_scale 0, or leave it out"


@dataclass(slots=True)
class OpenPoseFrames:
    """The frames of many clips, found in folders.

    Attributes:
        files: of each clip, by id: numbers of frames and their files, in order.
    """

    files: dict[str, list[tuple[int, Path]]] = field(default_factory=dict)

    def list_clips(self, inputs: Iterable[str], corpus: str) -> Listing:
        """Find the clips in folders.

        All frames of a folder are one clip, called as the folder is; where frames of several videos lie in
        one folder, or in the one given, each video is a clip in it. `gloss/clip/` and `train/gloss/clip/` say
        gloss and split.

        Args:
            inputs: folders.
            corpus: name of the corpus.
        """
        return join(self._list_one(Path(name), corpus) for name in inputs)

    def read(self, clip: Clip) -> WholeBody:
        """The signer's keypoints in a clip's frames; frames that are absent are not in the track.

        Raises:
            DataError: if a file is not a frame of OpenPose.
            OSError: if one cannot be read.
        """
        frames = self.files[clip.id]
        # The others of a crowd would have no part in it, but take memory.
        people = [largest(_people(path)) for _, path in frames]
        known = [person.keypoints[person.scores > 0] for frame in people for person in frame]
        if known and max(float(np.abs(points).max(initial=0)) for points in known) <= 1:
            raise DataError("found coordinates from -1 to 1 only, expected pixels", _RUN_AGAIN)
        return find_signer(people, np.array([number for number, _ in frames]))

    def _list_one(self, root: Path, corpus: str) -> Listing:
        listing = Listing()
        try:
            if not root.is_dir():
                raise DataError(
                    "there is no such folder", "Give the folder that OpenPose wrote with --write_json"
                )
            for folder, names in walk_folders(root):
                videos: dict[str, list[tuple[int, Path]]] = defaultdict(list)
                for name in names:
                    match = _FRAME_FILE.fullmatch(name)
                    if match is None:
                        listing.ignored[Path(name).suffix.lower()] += 1
                    else:
                        videos[match[1] or ""].append((int(match[2]), folder / name))
                for video, frames in sorted(videos.items()):
                    below = folder.relative_to(root)
                    alone = len(videos) == 1 and folder != root
                    self._add(listing, root, below if alone else below / (video or root.name), folder, frames)
            clips = [replace(clip, corpus=corpus) for clip in listing.clips]
            listing.clips = sorted(clips, key=lambda clip: clip.id)
            listing.clips = with_listed_labels(root, listing.clips)
            if not listing.clips and not listing.problems:
                raise DataError("there is no file …_keypoints.json in it", "Check the path")
        except DataError as error:
            listing.problems.append(Problem.of(error, ascii(str(root))[1:-1]))
        except OSError as error:
            unreadable = DataError(f"cannot be read ({error.strerror})", "Check its rights")
            listing.problems.append(Problem.of(unreadable, str(root)))
        return listing

    def _add(
        self, listing: Listing, root: Path, name: Path, folder: Path, frames: list[tuple[int, Path]]
    ) -> None:
        try:
            clip = clip_below(root, name, folder)
            frames.sort()
            if len({number for number, _ in frames}) != len(frames):
                raise DataError(
                    "found two files for one frame, expected one", "Keep the frames of one run in the folder"
                )
            check_frames(len(frames))
            if frames[-1][0] >= _MAX_NUMBER:
                raise DataError(
                    f"found the frame number {frames[-1][0]:,}, expected less than {_MAX_NUMBER:,}",
                    "Number the files by frame",
                )
        except DataError as error:
            listing.problems.append(Problem.of(error, ascii(str(folder))[1:-1]))
            return
        listing.clips.append(clip)
        self.files.setdefault(clip.id, frames)  # of two clips with an id the first is kept, as in `join`


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
    """One person; None if OpenPose is sure of none of the 49 keypoints."""
    body = _points(fields, "pose_keypoints_2d", NUM_BODY_25)[BODY_25_INDICES]
    hands = [_points(fields, f"hand_{side}_keypoints_2d", NUM_HAND_KEYPOINTS) for side in ("left", "right")]
    points = np.concatenate([body, *hands])
    if not (points[:, 2] > 0).any():
        return None
    return Instance(points[:, :2], points[:, 2], box_of(points[:, :2], points[:, 2]))


def _points(fields: Fields, key: str, count: int) -> NDArray[np.float32]:
    """(count, 3) x, y, score; zeros where OpenPose was not asked for them or found nobody."""
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
        raise fields.error(f"other things than numbers in `{key}`", "pixels and scores")
    return array.reshape(count, 3).astype(np.float32)

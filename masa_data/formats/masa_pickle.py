"""Pickles of COCO-WholeBody keypoints: of MASA, and those that two related projects publish.

MASA      {'keypoints': (T, 133, 3), 'img_list': [...]}                        one clip
Uni-Sign  {'keypoints': [(people, 133, 2), …], 'scores': [(people, 133), …]}   one clip, an entry per frame
NLA-SLR   {'train/book/07069': (T, 133, 3) or {'keypoints': …}, …}             many clips
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.clip import Clip
from masa_data.corpora.folder import clip_below
from masa_data.errors import DataError
from masa_data.formats.exporter import NOT_OURS, as_wholebody, place_of
from masa_data.formats.people import Instance, box_of, find_signer, largest
from masa_data.formats.untrusted.limits import check_frames
from masa_data.formats.untrusted.plain_pickle import read_plain_pickle
from masa_data.formats.wholebody import NUM_WHOLEBODY, WholeBody, missing_where_not_finite
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from masa_data.tracks.track import PoseTrack

_EXPORT_AGAIN: Final = "Export the file again, or leave it out"
_EXPECTED: Final = (
    "expected {'keypoints': (frames, 133, 3)}, lists of 'keypoints' and 'scores', or such arrays by clip"
)


def clips_in_pickle(clip: Clip) -> Iterator[tuple[Clip, Callable[[], WholeBody]]]:
    """Yield the clips of a pickle, each with a function that reads it. No code in the file is executed.

    If a file contains many clips, its names are the clips' ids, and `gloss/clip` and `train/gloss/clip`
    define gloss and split as folders do.

    Args:
        clip: the file.

    Raises:
        DataError: if it is not such a file.
        OSError: if it cannot be read.
    """
    content = read_plain_pickle(clip.source)
    if not isinstance(content, dict):
        raise DataError(f"found a {type(content).__name__}, {_EXPECTED}", _EXPORT_AGAIN)
    if isinstance(content.get("keypoints"), np.ndarray):
        yield clip, partial(_of_masa, content)
    elif isinstance(content.get("keypoints"), (list, tuple)):
        yield clip, partial(_of_unisign, content)
    elif "annotations" in content:
        raise DataError(f"found annotations in pyskl's form, {_EXPECTED}", "Use masa-convert pyskl")
    else:
        named = {name: _array_of(part) for name, part in content.items()}
        wrong = next((name for name, part in named.items() if part is None), None)
        if wrong is not None or not named:
            what = f"a dict of {ascii(sorted(content))[:60]}" if named else "an empty dict"
            raise DataError(f"found {what}, {_EXPECTED}", _EXPORT_AGAIN)
        for name, part in named.items():
            below = clip_below(clip.source.parent, Path(name), clip.source)
            own = replace(below, path=clip.path, corpus=clip.corpus, gloss=below.gloss or clip.gloss)
            yield own, partial(_of_masa, {"keypoints": part})


def _array_of(part: object) -> NDArray[Any] | None:
    found = part.get("keypoints") if isinstance(part, dict) else part
    return found if isinstance(found, np.ndarray) else None


def _of_masa(content: dict[str, Any]) -> WholeBody:
    keypoints = content["keypoints"]
    expected = (len(keypoints) if keypoints.ndim else 0, NUM_WHOLEBODY, 3)
    if keypoints.shape != expected or len(keypoints) == 0 or keypoints.dtype.kind not in "iuf":
        raise DataError(
            f"found keypoints of shape {keypoints.shape} and type {keypoints.dtype}, expected numbers of "
            "shape (frames, 133, 3): COCO-WholeBody's 133 keypoints with x, y and score",
            _EXPORT_AGAIN,
        )
    check_frames(len(keypoints))
    images = content.get("img_list")
    if images is not None and (not isinstance(images, (list, tuple)) or len(images) != len(keypoints)):
        counted = isinstance(images, (list, tuple))
        found = f"{len(images):,} images" if counted else f"a {type(images).__name__}"
        raise DataError(
            f"found {found} as `img_list`, expected one for each of {len(keypoints):,} frames", _EXPORT_AGAIN
        )
    with np.errstate(invalid="ignore"):  # NaN is handled later
        values = keypoints[:, COCO_WHOLEBODY_INDICES].astype(np.float64)
    return WholeBody(values[..., :2], values[..., 2], np.arange(len(values)), counted=True)


def _of_unisign(content: dict[str, Any]) -> WholeBody:
    keypoints, scores = content["keypoints"], content.get("scores")
    if not isinstance(scores, (list, tuple)) or len(scores) != len(keypoints) or not keypoints:
        found = f"{len(scores):,} entries" if isinstance(scores, (list, tuple)) else "no list"
        raise DataError(
            f"found {found} as `scores`, expected one for each of {len(keypoints):,} frames", _EXPORT_AGAIN
        )
    check_frames(len(keypoints))
    frames = [_people(number, *found) for number, found in enumerate(zip(keypoints, scores, strict=True))]
    return replace(find_signer(frames, np.arange(len(frames))), counted=True)


def _people(number: int, keypoints: object, scores: object) -> list[Instance]:
    """Return all people in a frame with a score above 0."""
    if isinstance(keypoints, np.ndarray) and isinstance(scores, np.ndarray) and keypoints.ndim == 2:
        keypoints, scores = keypoints[None], scores[None]
    if (
        not isinstance(keypoints, np.ndarray)
        or not isinstance(scores, np.ndarray)
        or keypoints.dtype.kind not in "iuf"
        or scores.dtype.kind not in "iuf"
        or keypoints.shape != (len(keypoints) if keypoints.ndim else 0, NUM_WHOLEBODY, 2)
        or scores.shape != keypoints.shape[:2]
    ):
        raise DataError(
            f"frame {number}: expected arrays of shapes (people, 133, 2) and (people, 133) as "
            "`keypoints` and `scores`",
            _EXPORT_AGAIN,
        )
    check_frames(1, len(keypoints))
    with np.errstate(invalid="ignore"):
        points = keypoints[:, COCO_WHOLEBODY_INDICES].astype(np.float64)
        sure, _ = missing_where_not_finite(points, scores[:, COCO_WHOLEBODY_INDICES].astype(np.float64))
    points = np.where(sure[..., None] > 0, points, 0)
    return largest(
        [
            Instance(where.astype(np.float32), score.astype(np.float32), box_of(where, score))
            for where, score in zip(points, sure, strict=True)
            if (score > 0).any()
        ]
    )


class MasaPickleExport:
    """Writes `ID.pkl`: {'keypoints': (T, 133, 3), 'img_list': [...]}."""

    not_held = f"times and boxes; and {NOT_OURS}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if its id is not a valid path.
            OSError: if the disk is full.
        """
        path = place_of(self._folder, track.info.id, ".pkl")
        images = [f"image_{number:05d}.jpg" for number in track.frame_index.tolist()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps({"keypoints": as_wholebody(track), "img_list": images}, protocol=4))

    def finish(self) -> list[str]:
        """Return the data that was lost in addition to `not_held`: none."""
        return []

"""pyskl's pickles: a list of annotations {frame_dir, label, img_shape, keypoint (M, T, V, C), …}.

A file contains either only the list, or {'split': {name: [frame_dir, …]}, 'annotations': [...]}. It is read
by `plain_pickle`, which executes no code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.clip import SPLIT_NAMES, Clip, Listed, Listing, Problem
from masa_data.corpora.sources import is_unicode
from masa_data.errors import DataError
from masa_data.formats.clip_facts import read_facts
from masa_data.formats.frame_facts import FrameFacts
from masa_data.formats.people import find_signer_in_arrays
from masa_data.formats.untrusted.limits import check_frames
from masa_data.formats.untrusted.plain_pickle import read_plain_pickle
from masa_data.formats.wholebody import NUM_WHOLEBODY, WholeBody
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES, NUM_KEYPOINTS
from masa_data.tracks.track import INFO_FIELDS, NO_LABEL, ClipInfo

_EXPORT_AGAIN: Final = "Write the file again from its source"
_MAX_LABEL: Final = 10**9
_SAME_RATE: Final = 1e-3
_OURS: Final = "frame_numbers"  # only in annotations that masa exported
_POINTS: Final = {NUM_KEYPOINTS: np.arange(NUM_KEYPOINTS), NUM_WHOLEBODY: COCO_WHOLEBODY_INDICES}


@dataclass(slots=True)
class PysklFiles:
    """The annotations of pyskl's files.

    Attributes:
        fps: frames per second given by the user, because the files lack it; NaN = unknown.
        annotations: annotations by clip id.
    """

    fps: float
    annotations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def list_clips(self, path: Path, corpus: str) -> Listing:
        """List the clips of a file.

        A clip in several splits (as in pyskl's files of several protocols) has no split, and neither has a
        clip whose split has a name other than train, val, test and their synonyms.

        Args:
            path: the file.
            corpus: name of the corpus.

        Raises:
            DataError: if it is not such a file.
            OSError: if it cannot be read.
        """
        content = read_plain_pickle(path)
        rows, split_of = content, dict[str, str]()
        if isinstance(content, dict):
            if "annotations" not in content and any(map(_is_of_masa, content.values())):
                raise DataError(
                    "found arrays, as in NLA-SLR's or MASA's pickles, expected pyskl's annotations",
                    "Use masa-convert masa-pickle",
                )
            rows, split_of = content.get("annotations"), _splits(content.get("split"))
        if not isinstance(rows, list) or not rows:
            raise DataError(
                "found no list of annotations, expected a list, or a dict with `split` and `annotations`",
                _EXPORT_AGAIN,
            )
        _refuse_repeated(rows, path.stat().st_size)
        listing = Listing()
        for number, row in enumerate(rows):
            try:
                clip = _clip(number, row, path, corpus)
                if clip.id in self.annotations:
                    raise DataError(f"found {clip.id!a} again, expected each once", "Rename one of them")
            except DataError as error:
                listing.problems.append(Problem.of(error, str(path)))
                continue
            self.annotations[clip.id] = row
            listing.clips.append(replace(clip, split=split_of.get(clip.id, "")))
        return listing

    def read(self, clip: Clip) -> WholeBody:
        """Read the signer's keypoints of a clip.

        Raises:
            DataError: if its arrays are not valid.
        """
        row = self.annotations.pop(clip.id)  # read only once, so its arrays can be released
        keypoints, scores = _arrays(row)
        keypoints, scores, warnings = _without_padding(row, keypoints, scores)
        points = _POINTS[keypoints.shape[2]]
        index = np.arange(keypoints.shape[1])
        people_by_frame = keypoints[:, :, points, :2].swapaxes(0, 1).astype(np.float64)
        found = find_signer_in_arrays(
            people_by_frame, scores[:, :, points].swapaxes(0, 1).astype(np.float64), index
        )
        height, width = _shape(row)
        stated = FrameFacts(clip.path, width, height, self._rate(clip))
        return replace(found, stated=stated, counted=True, warnings=warnings)

    @property
    def say_rates(self) -> bool:
        """Return whether every annotation has its rate, as those that masa exported have."""
        return bool(self.annotations) and all(_OURS in row for row in self.annotations.values())

    def _rate(self, clip: Clip) -> float:
        listed = math.nan if clip.listed is None else clip.listed.info.fps
        if math.isfinite(listed) and math.isfinite(self.fps) and abs(self.fps / listed - 1) > _SAME_RATE:
            raise DataError(
                f"found {listed:g} frames/s in the file, expected the {self.fps:g} of {{fps}}",
                "Leave out {fps}, because the file contains it",
                fps=...,
            )
        return listed if math.isfinite(listed) else self.fps


def _is_of_masa(part: object) -> bool:
    """Return whether it is a clip's array, or a dict with such an array, instead of annotations."""
    return isinstance(part, np.ndarray) or (isinstance(part, dict) and "keypoints" in part)


def _refuse_repeated(rows: list[object], size: int) -> None:
    """Check that a few arrays are not used as the keypoints of thousands of annotations."""
    arrays = [row.get("keypoint") for row in rows if isinstance(row, dict)]
    promised = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
    if promised > size:
        raise DataError(
            f"found {promised:,} bytes of keypoints in a file of {size:,}, expected one array per clip",
            _EXPORT_AGAIN,
        )


def _clip(number: int, row: object, path: Path, corpus: str) -> Clip:
    if not isinstance(row, dict):
        raise DataError(f"annotation {number}: found a {type(row).__name__}, expected a dict", _EXPORT_AGAIN)
    name, label = row.get("frame_dir", row.get("filename")), row.get("label", NO_LABEL)
    if not isinstance(name, str) or not name or "\0" in name or not is_unicode(name):
        raise DataError(
            f"annotation {number}: found {ascii(name)[:40]} as `frame_dir`, expected a text", _EXPORT_AGAIN
        )
    label = NO_LABEL if label is None else label
    if isinstance(label, (float, np.integer, np.floating)) and float(label).is_integer():
        label = int(label)
    if not isinstance(label, int) or isinstance(label, bool) or not NO_LABEL <= label < _MAX_LABEL:
        raise DataError(f"{name!a}: found the label {ascii(label)[:40]}, expected an integer", _EXPORT_AGAIN)
    clip = Clip(name, path, str(path), corpus, label=label)
    return _of_ours(clip, row) if _OURS in row else clip


def _of_ours(clip: Clip, row: dict[str, Any]) -> Clip:
    """Return the clip with the additional values that masa's export writes."""
    height, width = _shape(row)
    values = {name: row[name] for name in INFO_FIELDS if name in row and name not in ("id", "split")}
    facts = {"path": clip.path, **read_facts(values, f"{clip.id[:40]!a}", _EXPORT_AGAIN)}
    info = ClipInfo(clip.id, **{**facts, "width": width, "height": height})
    numbers = row[_OURS]
    return replace(
        clip,
        corpus=info.corpus or clip.corpus,
        gloss=info.gloss,
        signer=info.signer,
        listed=Listed(info, numbers if isinstance(numbers, str) else ""),
    )


def _splits(split: object) -> dict[str, str]:
    """Return the split of each clip that is in exactly one known split."""
    if split is None:
        return {}
    if not isinstance(split, dict):
        raise DataError(f"found a {type(split).__name__} as `split`, expected a dict", _EXPORT_AGAIN)
    found: dict[str, set[str]] = {}
    for name, ids in split.items():
        for clip_id in ids if isinstance(ids, (list, tuple)) else ():
            if isinstance(clip_id, str):
                found.setdefault(clip_id, set()).add(SPLIT_NAMES.get(name.lower(), ""))
    return {clip_id: names.pop() for clip_id, names in found.items() if len(names) == 1}


def _arrays(row: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return `keypoint` (M, T, V, 2 or 3) and the scores (M, T, V)."""
    keypoints, scores = row.get("keypoint"), row.get("keypoint_score")
    if not isinstance(keypoints, np.ndarray) or keypoints.ndim != 4 or keypoints.dtype.kind not in "iuf":
        raise DataError("found no array of four axes as `keypoint`, expected (M, T, V, C)", _EXPORT_AGAIN)
    people, frames, points, numbers = keypoints.shape
    if points not in _POINTS or numbers not in (2, 3) or people < 1 or frames < 1:
        raise DataError(
            f"found `keypoint` of shape {keypoints.shape}, expected (people, frames, 49 or 133, 2 or 3): "
            "other skeletons have no hands",
            "Estimate COCO-WholeBody's 133 keypoints",
        )
    check_frames(frames, people)
    if scores is None and numbers == 3:
        scores = keypoints[..., 2]
    if not isinstance(scores, np.ndarray) or scores.shape != keypoints.shape[:3]:
        raise DataError(
            f"found no `keypoint_score` of shape {keypoints.shape[:3]}, expected one score per point",
            _EXPORT_AGAIN,
        )
    return keypoints, scores


def _without_padding(
    row: dict[str, Any], keypoints: NDArray[Any], scores: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], list[str]]:
    """Return the first `total_frames` frames; arrays may be padded to the same length for all clips."""
    frames = keypoints.shape[1]
    total = row.get("total_frames", frames)
    if not isinstance(total, int) or isinstance(total, bool) or not 1 <= total <= frames:
        raise DataError(
            f"found {ascii(total)[:40]} as `total_frames`, expected 1 to the {frames:,} frames of `keypoint`",
            _EXPORT_AGAIN,
        )
    warnings = []
    if (scores[:, total:] > 0).any() and keypoints[:, total:].any():
        warnings.append(
            f"`total_frames` is {total:,}, and `keypoint` has keypoints in {frames - total:,} later frames: "
            "they were left out"
        )
    return keypoints[:, :total], scores[:, :total], warnings


def _shape(row: dict[str, Any]) -> tuple[int, int]:
    """Return height and width of the frames."""
    shape = row.get("img_shape", row.get("original_shape"))
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise DataError("found no `img_shape`, expected (height, width)", _EXPORT_AGAIN)
    for side in shape:
        if not isinstance(side, (int, float)) or not math.isfinite(side) or not 1 <= side < 100_000:
            raise DataError(
                f"found the img_shape {ascii(shape)[:40]}, expected (height, width) in pixels", _EXPORT_AGAIN
            )
    return int(shape[0]), int(shape[1])

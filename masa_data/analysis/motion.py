"""How keypoints move, in shoulder widths, so that clips of any size and distance compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import PoseTrack

LEFT_SHOULDER = KEYPOINT_NAMES.index("left_shoulder")
RIGHT_SHOULDER = KEYPOINT_NAMES.index("right_shoulder")


def shoulder_width(track: PoseTrack) -> float:
    """The median distance of the shoulders over the frames in which both were found, in source pixels.

    Where they never were, a quarter of the frame's longer side stands for it; at least one pixel.
    """
    widths = np.hypot(*(track.keypoints[:, LEFT_SHOULDER] - track.keypoints[:, RIGHT_SHOULDER]).T)
    widths = widths[np.isfinite(widths)]
    longer_side = max(track.info.width, track.info.height)
    return max(float(np.median(widths)) if len(widths) else longer_side / 4, 1.0)


def steps(track: PoseTrack, unit: float) -> NDArray[np.float32]:
    """How far every keypoint goes from each kept frame to the next.

    Args:
        track: T frames.
        unit: pixels; `shoulder_width(track)`.

    Returns:
        (T − 1, 49) in units; NaN where the keypoint is missing in either frame.
    """
    moved = np.diff(track.keypoints, axis=0)
    return np.asarray(np.hypot(moved[..., 0], moved[..., 1]) / np.float32(unit))


def jitter(track: PoseTrack, unit: float) -> NDArray[np.float32]:
    """How far every keypoint is from where even motion between its neighbors in time would put it.

    Half the second difference: what trembles is large here, what moves evenly is 0.

    Args:
        track: T frames.
        unit: pixels; `shoulder_width(track)`.

    Returns:
        (max(T − 2, 0), 49) in units; NaN where the keypoint is missing in any of three frames.
    """
    points = track.keypoints
    off = points[1:-1] - (points[:-2] + points[2:]) / 2
    return np.asarray(np.hypot(off[..., 0], off[..., 1]) / np.float32(unit))


def mean_motion(step: NDArray[np.floating]) -> NDArray[np.float64]:
    """(T − 1, K) steps to (T − 1,): the mean over the keypoints known in both frames; NaN if none is."""
    known = np.isfinite(step)
    count = known.sum(axis=1)
    total = np.where(known, step, 0).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

"""Motion of keypoints in shoulder widths, which makes clips of any size and distance comparable."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import PoseTrack

LEFT_SHOULDER = KEYPOINT_NAMES.index("left_shoulder")
RIGHT_SHOULDER = KEYPOINT_NAMES.index("right_shoulder")


def shoulder_width(track: PoseTrack) -> float:
    """Return the median distance between the shoulders over the frames in which both were found, in pixels.

    If no frame has both shoulders, a quarter of the frame's longer side is used. The result is at least one
    pixel.
    """
    widths = np.hypot(*(track.keypoints[:, LEFT_SHOULDER] - track.keypoints[:, RIGHT_SHOULDER]).T)
    widths = widths[np.isfinite(widths)]
    longer_side = max(track.info.width, track.info.height)
    return max(float(np.median(widths)) if len(widths) else longer_side / 4, 1.0)


def steps(track: PoseTrack, unit: float) -> NDArray[np.float32]:
    """Return the distance that each keypoint moves from each kept frame to the next.

    Args:
        track: T frames.
        unit: unit of the result in pixels; usually `shoulder_width(track)`.

    Returns:
        (T − 1, 49) distances in units; NaN if the keypoint is missing in either frame.
    """
    moved = np.diff(track.keypoints, axis=0)
    return np.asarray(np.hypot(moved[..., 0], moved[..., 1]) / np.float32(unit))


def jitter(track: PoseTrack, unit: float) -> NDArray[np.float32]:
    """Return the distance of each keypoint from the midpoint of its positions one frame before and after.

    This is half the second difference: large for a trembling keypoint, 0 for even motion.

    Args:
        track: T frames.
        unit: unit of the result in pixels; usually `shoulder_width(track)`.

    Returns:
        (max(T − 2, 0), 49) distances in units; NaN if the keypoint is missing in any of the three frames.
    """
    points = track.keypoints
    off = points[1:-1] - (points[:-2] + points[2:]) / 2
    return np.asarray(np.hypot(off[..., 0], off[..., 1]) / np.float32(unit))


def mean_motion(step: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean of (T − 1, K) steps over the known keypoints as (T − 1,); NaN if none is known."""
    known = np.isfinite(step)
    count = known.sum(axis=1)
    total = np.where(known, step, 0).sum(axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

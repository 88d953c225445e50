"""Clips of different splits that move alike: test data that leaked into training under another name.

A clip is described by where its keypoints are from between the shoulders, in shoulder widths, at 16 moments
from its first frame to its last. So another size, crop or compression of the same recording looks the same.
docs/inspect.md says how well that tells copies from other takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.motion import LEFT_SHOULDER, RIGHT_SHOULDER, shoulder_width
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import SPLITS, PoseTrack

# Two clips are near-duplicates if half of the points that both have are this near each other, in shoulder
# widths, and three quarters this near. Other takes by the same signer stay above both.
HALF_WITHIN: Final = 0.018
MOST_WITHIN: Final = 0.035
# Only pairs whose steadier points are as near as this, root mean square, are looked at that closely.
_LOOK_WITHIN: Final = 0.08
# What stands still looks like anything else that does: such clips are never called near-duplicates.
MIN_MOTION: Final = 0.1

_MOMENTS: Final = 16
# Elbows are often outside the frame, where estimators guess; so they come late.
_STEADY: Final = ("nose", "left_shoulder", "right_shoulder", "left_wrist", "right_wrist")
_OTHERS: Final = (
    "left_elbow",
    "right_elbow",
    *(f"left_hand_{point}" for point in ("wrist", "thumb_4", "index_4", "middle_4", "ring_4", "little_4")),
    *(f"right_hand_{point}" for point in ("wrist", "thumb_4", "index_4", "middle_4", "ring_4", "little_4")),
)
_POINTS: Final = [KEYPOINT_NAMES.index(name) for name in (*_STEADY, *_OTHERS)]
# Distance along some axes is never more than distance along all, so few axes rule out most pairs.
_AXES: Final = 24
_PAIRS_AT_ONCE: Final = 1 << 22
# Of each clip only so many others, the nearest at first sight, are looked at closely: where many are copies
# of each other there would be no end otherwise.
_CLOSE_LOOKS: Final = 8


def describe(track: PoseTrack) -> NDArray[np.float32]:
    """(16, 19, 2) where a clip's points are from between the shoulders, in shoulder widths; NaN = missing."""
    frames = np.linspace(0, len(track) - 1, _MOMENTS).round().astype(int)
    keypoints = track.keypoints[frames]
    middle = (keypoints[:, LEFT_SHOULDER] + keypoints[:, RIGHT_SHOULDER]) / 2
    return np.asarray((keypoints[:, _POINTS] - middle[:, None]) / np.float32(shoulder_width(track)))


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """What was found among N clips.

    Attributes:
        partner: (N,) number of the most alike clip of another split; -1 if none is alike.
        likeness: (N,) 1 = the same points, 0.5 = just near enough, 0 = no partner.
    """

    partner: NDArray[np.int64]
    likeness: NDArray[np.float64]


def find_near_duplicates(descriptions: NDArray[np.float32], splits: NDArray[np.object_]) -> NearDuplicates:
    """For every clip the clip of another split that moves like it.

    Args:
        descriptions: (N, 16, 19, 2) of `describe`.
        splits: (N,) "train", "val", "test"; clips with "" are left out.
    """
    steady = np.nan_to_num(descriptions[:, :, : len(_STEADY)])
    moves = np.sqrt(steady.var(axis=1).sum(axis=2).mean(axis=1)) >= MIN_MOTION
    steady = steady.reshape(len(steady), -1)
    axes = _widest_axes(steady[moves]) if moves.any() else np.eye(steady.shape[1], _AXES, dtype=np.float32)
    places = steady @ axes
    radius = _LOOK_WITHIN**2 * _MOMENTS * len(_STEADY)
    nearest = np.full(len(splits), np.inf)
    partner = np.full(len(splits), -1)
    for split in SPLITS:
        others = np.flatnonzero(moves & (splits != split) & (splits != ""))
        for own, candidates in _candidates(places, np.flatnonzero(moves & (splits == split)), others, radius):
            distance = _distance(descriptions, own, candidates)
            best = distance.argmin(axis=1)
            nearest[own] = distance[np.arange(len(own)), best]
            partner[own] = np.where(np.isfinite(nearest[own]), candidates[np.arange(len(own)), best], -1)
    return NearDuplicates(partner, np.where(partner >= 0, 1 - nearest / HALF_WITHIN / 2, 0.0))


def _widest_axes(steady: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D, 24) orthonormal directions in which the clips differ most."""
    centered = steady - steady.mean(axis=0)
    return np.asarray(np.linalg.eigh(centered.T @ centered)[1][:, ::-1][:, :_AXES])


def _candidates(
    places: NDArray[np.float32], first: NDArray[np.intp], second: NDArray[np.intp], radius: float
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Clips of the first group that are within a squared distance of any of the second, some at a time.

    Yields:
        (P,) clips and (P, K) the nearest to each in the second group, K at most 8.
    """
    if len(second) == 0:
        return
    squares = (places**2).sum(axis=1)
    most = min(_CLOSE_LOOKS, len(second))
    rows = max(1, _PAIRS_AT_ONCE // len(second))
    for start in range(0, len(first), rows):
        block = first[start : start + rows]
        squared = squares[block, None] + squares[second] - 2 * places[block] @ places[second].T
        has_any = squared.min(axis=1) <= radius
        nearest = np.argpartition(squared[has_any], most - 1, axis=1)[:, :most]
        if has_any.any():
            yield block[has_any], second[nearest]


def _distance(
    descriptions: NDArray[np.float32], own: NDArray[np.intp], candidates: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(P, K) median distance of the points that both of a pair have; infinity if they are not near."""
    apart = np.empty(candidates.shape, np.float32)
    for place, others in enumerate(candidates.T):  # K times, so that memory does not grow with K
        difference = descriptions[own] - descriptions[others]
        points = np.hypot(difference[..., 0], difference[..., 1]).reshape(len(own), -1)
        points.sort(axis=1)  # NaN last
        known = np.isfinite(points).sum(axis=1)
        rows = np.arange(len(own))
        half, most = points[rows, known // 2], points[rows, np.minimum(known * 3 // 4, points.shape[1] - 1)]
        near = (known * 4 > points.shape[1]) & (half <= HALF_WITHIN) & (most <= MOST_WITHIN)
        apart[:, place] = np.where(near, half, np.inf)
    return apart

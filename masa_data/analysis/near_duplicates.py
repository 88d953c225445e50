"""Clips of different splits or corpora that move alike: test clips that may also be training clips.

A clip is described by the positions of its keypoints relative to the middle of the shoulders, in shoulder
widths, at 16 moments from its first frame to its last. Copies of a recording with another size, crop or
compression therefore have the same description. docs/inspect.md reports how well this separates copies from
other takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.motion import LEFT_SHOULDER, RIGHT_SHOULDER, shoulder_width
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import PoseTrack

# Maximum distances of near-duplicates in shoulder widths: for half of the points that both clips have, and
# for three quarters of them. Other takes by the same signer exceed both.
HALF_WITHIN: Final = 0.018
MOST_WITHIN: Final = 0.035
# Only pairs whose root mean square distance over the steady points is below this are compared in detail.
_LOOK_WITHIN: Final = 0.08
# Clips without motion all look alike, so they are never called near-duplicates.
MIN_MOTION: Final = 0.1

_MOMENTS: Final = 16
# Elbows are not among the steady points: they are often outside the frame, where estimators guess.
_STEADY: Final = ("nose", "left_shoulder", "right_shoulder", "left_wrist", "right_wrist")
_OTHERS: Final = (
    "left_elbow",
    "right_elbow",
    *(f"left_hand_{point}" for point in ("wrist", "thumb_4", "index_4", "middle_4", "ring_4", "little_4")),
    *(f"right_hand_{point}" for point in ("wrist", "thumb_4", "index_4", "middle_4", "ring_4", "little_4")),
)
_POINTS: Final = [KEYPOINT_NAMES.index(name) for name in (*_STEADY, *_OTHERS)]
# The distance along some axes never exceeds the full distance, so few axes exclude most pairs.
_AXES: Final = 24
_PAIRS_AT_ONCE: Final = 1 << 22
# Each clip is compared in detail with at most this many others, the nearest along the axes. This limits the
# work if many clips are copies of each other.
_CLOSE_LOOKS: Final = 8


def describe(track: PoseTrack) -> NDArray[np.float32]:
    """Return (16, 19, 2) positions from the middle of the shoulders, in shoulder widths; NaN = missing."""
    frames = np.linspace(0, len(track) - 1, _MOMENTS).round().astype(int)
    keypoints = track.keypoints[frames]
    middle = (keypoints[:, LEFT_SHOULDER] + keypoints[:, RIGHT_SHOULDER]) / 2
    return np.asarray((keypoints[:, _POINTS] - middle[:, None]) / np.float32(shoulder_width(track)))


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near-duplicates among N clips.

    Attributes:
        partner: (N,) number of the most similar clip of another group; -1 if no clip is similar.
        likeness: (N,) similarity in 0..1: 1 = identical points, 0.5 = at the limit, 0 = no partner.
    """

    partner: NDArray[np.int64]
    likeness: NDArray[np.float64]


def find_near_duplicates(descriptions: NDArray[np.float32], groups: NDArray[np.object_]) -> NearDuplicates:
    """Find, for each clip, the clip of another group with the most similar motion.

    Args:
        descriptions: (N, 16, 19, 2) results of `describe`.
        groups: (N,) the split of each clip, or its corpus; clips with "" are ignored.
    """
    steady = np.nan_to_num(descriptions[:, :, : len(_STEADY)])
    moves = np.sqrt(steady.var(axis=1).sum(axis=2).mean(axis=1)) >= MIN_MOTION
    steady = steady.reshape(len(steady), -1)
    axes = _widest_axes(steady[moves]) if moves.any() else np.eye(steady.shape[1], _AXES, dtype=np.float32)
    places = steady @ axes
    radius = _LOOK_WITHIN**2 * _MOMENTS * len(_STEADY)
    nearest = np.full(len(groups), np.inf)
    partner = np.full(len(groups), -1)
    for group in sorted(set(groups.tolist()) - {""}):
        others = np.flatnonzero(moves & (groups != group) & (groups != ""))
        for own, candidates in _candidates(places, np.flatnonzero(moves & (groups == group)), others, radius):
            distance = _distance(descriptions, own, candidates)
            best = distance.argmin(axis=1)
            nearest[own] = distance[np.arange(len(own)), best]
            partner[own] = np.where(np.isfinite(nearest[own]), candidates[np.arange(len(own)), best], -1)
    return NearDuplicates(partner, np.where(partner >= 0, 1 - nearest / HALF_WITHIN / 2, 0.0))


def _widest_axes(steady: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (D, 24) orthonormal directions in which the clips differ most."""
    centered = steady - steady.mean(axis=0)
    return np.asarray(np.linalg.eigh(centered.T @ centered)[1][:, ::-1][:, :_AXES])


def _candidates(
    places: NDArray[np.float32], first: NDArray[np.intp], second: NDArray[np.intp], radius: float
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the clips of the first group that are near a clip of the second group, in batches.

    Near means within the squared distance `radius`.

    Yields:
        (P,) clips and (P, K) the nearest clips of the second group to each, with K at most 8.
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
    """Return (P, K) median distances over the points that both clips have; infinity if they are not near."""
    apart = np.empty(candidates.shape, np.float32)
    for place, others in enumerate(candidates.T):  # K times, so that memory does not grow with K
        difference = descriptions[own] - descriptions[others]
        points = np.hypot(difference[..., 0], difference[..., 1]).reshape(len(own), -1)
        points.sort(axis=1)  # NaN come last
        known = np.isfinite(points).sum(axis=1)
        rows = np.arange(len(own))
        half, most = points[rows, known // 2], points[rows, np.minimum(known * 3 // 4, points.shape[1] - 1)]
        near = (known * 4 > points.shape[1]) & (half <= HALF_WITHIN) & (most <= MOST_WITHIN)
        apart[:, place] = np.where(near, half, np.inf)
    return apart

"""Selection of the signer among the people in imported keypoints."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.signer.people import MAX_PEOPLE, Person, match_people
from masa_data.formats.wholebody import WholeBody, missing_where_not_finite
from masa_data.tracks.skeleton import NUM_KEYPOINTS


class Instance(NamedTuple):
    """A person in a frame: (49, 2) pixels, (49,) raw scores, (4,) left, top, right, bottom in pixels."""

    keypoints: NDArray[np.float32]
    scores: NDArray[np.float32]
    box: NDArray[np.float32]

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return float(np.prod(self.box[2:] - self.box[:2]))


def largest(frame: list[Instance]) -> list[Instance]:
    """Return the people in a frame that are tracked: the few largest, largest first."""
    return sorted(frame, key=lambda instance: -instance.area)[:MAX_PEOPLE]


def find_signer(frames: list[list[Instance]], index: NDArray[np.int64]) -> WholeBody:
    """Find the person who signs, as in extraction: who is visible and moves the hands most.

    All people are tracked from frame to frame by their boxes; of a crowd, only the largest. If no frame has
    more than one person, this person is the signer, even if the box jumps.

    Args:
        frames: the people of each of T frames, in any order.
        index: (T,) numbers of the source frames, counted from 0, increasing.

    Returns:
        the signer's keypoints.
    """
    several = any(len(frame) > 1 for frame in frames)
    if not several:
        return _alone(frames, index)
    people: list[Person] = []
    for number, frame in enumerate(frames):
        seen = largest(frame)
        boxes = np.array([instance.box for instance in seen], np.float32).reshape(-1, 4)
        for instance, (person, box) in zip(seen, match_people(people, boxes), strict=True):
            person.see(number, box, instance.keypoints[None], instance.scores[None], detected=True)
    found = max(people, key=lambda person: person.signs(len(frames))).estimates(len(frames), several)
    return WholeBody(
        np.stack([estimate.keypoints for estimate in found]),
        np.stack([estimate.confidence for estimate in found]),
        index,
        np.stack([estimate.box for estimate in found]),
        several,
    )


def _alone(frames: list[list[Instance]], index: NDArray[np.int64]) -> WholeBody:
    absent = Instance(
        np.zeros((NUM_KEYPOINTS, 2), np.float32),
        np.zeros(NUM_KEYPOINTS, np.float32),
        np.full(4, np.nan, np.float32),
    )
    found = [frame[0] if frame else absent for frame in frames]
    keypoints, scores, boxes = (np.stack(parts) for parts in zip(*found, strict=True))
    return WholeBody(keypoints, scores, index, boxes)


def find_signer_in_arrays(
    keypoints: NDArray[np.floating], scores: NDArray[np.floating], index: NDArray[np.int64]
) -> WholeBody:
    """Find the signer, as `find_signer`, in arrays of M people; a person without a score above 0 is absent.

    Args:
        keypoints: (T, M, 49, 2) pixels.
        scores: (T, M, 49) raw scores; 0 = missing.
        index: (T,) numbers of the source frames, counted from 0, increasing.
    """
    there = (scores > 0).any(axis=(0, 2))
    if there.sum() <= 1:
        place = int(there.argmax())
        return WholeBody(keypoints[:, place], scores[:, place], index)
    scores, _ = missing_where_not_finite(keypoints, scores)
    keypoints = np.where(scores[..., None] > 0, keypoints, 0)
    frames = [
        [
            Instance(points, found, box_of(points, found))
            for points, found in zip(people.astype(np.float32), sure.astype(np.float32), strict=True)
            if (found > 0).any()
        ]
        for people, sure in zip(keypoints, scores, strict=True)
    ]
    return find_signer(frames, index)


def box_of(keypoints: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return (4,) left, top, right, bottom of the box around those of (K, 2) keypoints with a score above 0.

    At least one score must be above 0.
    """
    known = keypoints[scores > 0]
    return np.concatenate([known.min(axis=0), known.max(axis=0)]).astype(np.float32)

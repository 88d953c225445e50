"""Tracking of people: positions, identities over time, and how likely each of them is the signer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.base import Estimate
from masa_data.tracks.skeleton import NUM_KEYPOINTS

# Maximum number of people who are tracked; the largest are.
MAX_PEOPLE: Final = 4
# Two boxes whose overlap is at least this share of their union belong to the same person.
_SAME_PERSON: Final = 0.3
# Keypoints with a lower confidence are not used to locate a person.
_MIN_CONFIDENCE: Final = 0.3
# The signing space around the shoulders in shoulder widths: to each side, above, below. Hands at rest can
# move to any point in it a moment later.
_REACH: Final = (2.0, 2.0, 3.0)
_SHOULDERS: Final = (1, 4)
_WRISTS: Final = (3, 6)

Boxes = NDArray[np.float32]


@dataclass(slots=True)
class Person:
    """A person who is tracked through a clip.

    Attributes:
        box: (4,) last position in pixels.
        detected: box of the last detection.
        anchor: (2,) middle of the shoulders at the last detection, in pixels; NaN = uncertain.
        starts: first frame of each stretch in which the person was found.
        boxes: box in each of these stretches.
        keypoints: (frames, 49, 2) for each of these stretches.
        confidence: (frames, 49) for each of these stretches.
    """

    box: Boxes
    detected: Boxes = field(init=False)
    anchor: NDArray[np.float32] = field(init=False)
    starts: list[int] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)
    keypoints: list[NDArray[np.float32]] = field(default_factory=list)
    confidence: list[NDArray[np.float32]] = field(default_factory=list)

    def see(
        self,
        start: int,
        box: Boxes,
        keypoints: NDArray[np.float32],
        confidence: NDArray[np.float32],
        *,
        detected: bool,
    ) -> None:
        """Add a stretch of frames.

        Args:
            start: first frame of the stretch.
            box: (4,) region in which the person was searched, in pixels.
            keypoints: (frames, 49, 2) pixels.
            confidence: (frames, 49) in 0..1.
            detected: whether the box comes from a detector, in the stretch's first frame.
        """
        self.box = box
        if detected:
            self.detected, self.anchor = box, _middles_of_shoulders(keypoints, confidence)[0]
        self.starts.append(start)
        self.boxes.append(box)
        self.keypoints.append(keypoints)
        self.confidence.append(confidence)

    def box_ahead(self, width: int, height: int) -> Boxes | None:
        """Return the box in which to search in the next stretch without a new detection.

        This is the detected box, moved by the motion of the shoulders since then, and extended to the
        keypoints of the last stretch. It is as tight as a detector's, so that neighbors remain outside.

        Args:
            width: width of the frame in pixels.
            height: height of the frame in pixels.

        Returns:
            (4,) inside the frame in pixels; None if the shoulders are not visible, so the person is lost.
        """
        keypoints, confidence = self.keypoints[-1], self.confidence[-1]
        shift = _middles_of_shoulders(keypoints, confidence)[1] - self.anchor
        if np.isnan(shift).any():
            return None
        moved = self.detected.reshape(2, 2) + shift
        return _box_of(np.concatenate([moved, keypoints[confidence > _MIN_CONFIDENCE]]), width, height)

    def signs(self, frames: int) -> float:
        """Return a score for being the signer of a clip of `frames` frames: moving hands and being visible.

        The score is the share of frames in which the person is visible, times the mean speed of the wrists
        relative to the shoulders, in shoulder widths per frame (plus a small constant, so that among people
        at rest, the person who is visible longest has the highest score). Walking is not a movement relative
        to the shoulders.
        """
        keypoints, confidence = np.concatenate(self.keypoints), np.concatenate(self.confidence)
        sure = confidence > _MIN_CONFIDENCE
        both_shoulders = np.asarray(sure[:, _SHOULDERS].all(axis=1))
        widths = np.linalg.norm(keypoints[:, _SHOULDERS[0]] - keypoints[:, _SHOULDERS[1]], axis=1)
        scale = float(np.median(widths[both_shoulders])) if both_shoulders.any() else 0.0
        scale = scale or float(self.box[2] - self.box[0]) / 2
        from_shoulders = keypoints[:, _WRISTS] - keypoints[:, _SHOULDERS].mean(axis=1, keepdims=True)
        speed = np.linalg.norm(np.diff(from_shoulders, axis=0), axis=2) / max(scale, 1e-6)
        seen = sure[:, _WRISTS] & both_shoulders[:, None]
        known = seen[1:] & seen[:-1]
        moved = float(np.minimum(speed, 1)[known].mean()) if known.any() else 0.0
        return len(keypoints) / frames * (moved + 1e-3)

    def estimates(self, frames: int, several_people: bool) -> list[Estimate]:
        """Return the keypoints in every frame of the clip; confidence 0 where the person was not found."""
        nobody = np.zeros((NUM_KEYPOINTS, 2), np.float32)
        unknown = np.full(4, np.nan, np.float32)
        found = [Estimate(nobody, nobody[:, 0], unknown, several_people)] * frames
        for start, box, *arrays in zip(self.starts, self.boxes, self.keypoints, self.confidence, strict=True):
            for place, (keypoints, confidence) in enumerate(zip(*arrays, strict=True)):
                found[start + place] = Estimate(keypoints, confidence, box, several_people)
        return found


def box_around(
    keypoints: NDArray[np.float32], confidence: NDArray[np.float32], width: int, height: int
) -> Boxes | None:
    """Return the box around a person's keypoints in some frames, with the space that the hands can reach.

    Args:
        keypoints: (T, 49, 2) pixels.
        confidence: (T, 49) in 0..1.
        width: width of the frame in pixels.
        height: height of the frame in pixels.

    Returns:
        (4,) left, top, right, bottom inside the frame; None if both shoulders are uncertain in every frame.
    """
    sure = confidence > _MIN_CONFIDENCE
    frames = np.flatnonzero(sure[:, _SHOULDERS].all(axis=1))
    if len(frames) == 0:
        return None
    shoulders = np.median(keypoints[frames][:, _SHOULDERS], axis=0)
    middle = shoulders.mean(axis=0)
    unit = np.linalg.norm(shoulders[0] - shoulders[1])
    side, above, below = _REACH
    reach = [
        [middle[0] - side * unit, middle[1] - above * unit],
        [middle[0] + side * unit, middle[1] + below * unit],
    ]
    return _box_of(np.concatenate([keypoints[sure], reach]), width, height)


def overlap(first: Boxes, second: Boxes) -> float:
    """Return the share of the union of two (4,) boxes that is in both, in 0..1."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    both = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - both
    return both / union if union > 0 else 0.0


def match_people(people: list[Person], boxes: Boxes) -> list[tuple[Person, Boxes]]:
    """Match each box with the person whose last box overlaps it most, or with a new person in `people`."""
    pairs = sorted(
        (
            (overlap(person.box, box), row, place)
            for row, person in enumerate(people)
            for place, box in enumerate(boxes)
        ),
        reverse=True,
    )
    row_of: dict[int, int] = {}
    for shared, row, place in pairs:
        if shared >= _SAME_PERSON and place not in row_of and row not in row_of.values():
            row_of[place] = row
    matched = []
    for place, box in enumerate(boxes):
        if place not in row_of:
            people.append(Person(box))
        matched.append((people[row_of.get(place, len(people) - 1)], box))
    return matched


def largest(boxes: Boxes) -> Boxes:
    """Return the MAX_PEOPLE largest of (people, 4) boxes, largest first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[np.argsort(-areas, kind="stable")[:MAX_PEOPLE]]


def _box_of(points: NDArray[np.floating], width: int, height: int) -> Boxes | None:
    """Return the (4,) box around (N, 2) points, inside the frame; None if it is smaller than a pixel."""
    corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
    inside = np.clip(corners, 0, [width, height, width, height]).astype(np.float32)
    return inside if (inside[2:] - inside[:2]).min() >= 1 else None


def _middles_of_shoulders(keypoints: NDArray[np.float32], confidence: NDArray[np.float32]) -> Boxes:
    """Return (2, 2) the middle of the shoulders in the first and last frame with both certain; else NaN."""
    sure = np.flatnonzero((confidence[:, _SHOULDERS] > _MIN_CONFIDENCE).all(axis=1))
    if len(sure) == 0:
        return np.full((2, 2), np.nan, np.float32)
    return np.asarray(keypoints[sure[[0, -1]]][:, _SHOULDERS].mean(axis=1), np.float32)

"""People in view: where each of them is, who is who a moment later, and how much each looks like a signer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.base import Estimate
from masa_data.tracks.skeleton import NUM_KEYPOINTS

# More people than this are not followed; the largest are.
MAX_PEOPLE: Final = 4
# Two boxes that overlap by this share of their union are the same person.
_SAME_PERSON: Final = 0.3
# A keypoint less certain than this does not say where a person is.
_MIN_CONFIDENCE: Final = 0.3
# The signing space around the shoulders, in shoulder widths: to either side, above, below. Hands that rest
# now may be anywhere in it a moment later.
_REACH: Final = (2.0, 2.0, 3.0)
_SHOULDERS: Final = (1, 4)
_WRISTS: Final = (3, 6)

Boxes = NDArray[np.float32]


@dataclass(slots=True)
class Person:
    """Somebody who is followed through a clip.

    Attributes:
        box: where they were last, (4,) in pixels.
        detected: the box in which they were last detected.
        anchor: (2,) where the middle of their shoulders was then, in pixels; NaN if that was not certain.
        starts: first frame of each stretch in which they were seen.
        boxes: their box there.
        keypoints: (frames, 49, 2) there.
        confidence: (frames, 49) there.
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
        """Take in a stretch.

        Args:
            start: its first frame.
            box: (4,) where they were looked for, in pixels.
            keypoints: (frames, 49, 2) pixels.
            confidence: (frames, 49) in 0..1.
            detected: whether the box is a detector's, from the stretch's first frame.
        """
        self.box = box
        if detected:
            self.detected, self.anchor = box, _middles_of_shoulders(keypoints, confidence)[0]
        self.starts.append(start)
        self.boxes.append(box)
        self.keypoints.append(keypoints)
        self.confidence.append(confidence)

    def box_ahead(self, width: int, height: int) -> Boxes | None:
        """Where to look for them in the next stretch without detecting them anew.

        It is the detected box, moved as far as their shoulders have moved since, and widened to the keypoints
        of the last stretch: as tight as a detector's, so that a neighbor stays outside.

        Args:
            width: of the frame.
            height: likewise.

        Returns:
            (4,) inside the frame in pixels, or None if their shoulders are out of sight: they are lost.
        """
        keypoints, confidence = self.keypoints[-1], self.confidence[-1]
        shift = _middles_of_shoulders(keypoints, confidence)[1] - self.anchor
        if np.isnan(shift).any():
            return None
        moved = self.detected.reshape(2, 2) + shift
        return _box_of(np.concatenate([moved, keypoints[confidence > _MIN_CONFIDENCE]]), width, height)

    def signs(self, frames: int) -> float:
        """How much this looks like the signer of a clip of so many frames: who moves the hands and stays.

        The share of frames in which they are in view, times the mean speed of their wrists as seen from their
        shoulders, in shoulder widths a frame (and a little, so that of people at rest the one who stays
        longest is taken). Seen from the shoulders, walking past is no movement.
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
        """Their keypoints in every frame of the clip; confidence 0 where they were not seen."""
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
    """The box around a person's keypoints over some frames and the space their hands can reach.

    Args:
        keypoints: (T, 49, 2) pixels.
        confidence: (T, 49) in 0..1.
        width: of the frame.
        height: likewise.

    Returns:
        (4,) left, top, right, bottom inside the frame, or None if both shoulders are never certain.
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
    """Share of the union of two (4,) boxes that is in both, 0..1."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    both = float(np.prod(np.maximum(sides, 0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - both
    return both / union if union > 0 else 0.0


def match_people(people: list[Person], boxes: Boxes) -> list[tuple[Person, Boxes]]:
    """Each box with the person whose last box it overlaps most, or with a new one, who joins `people`."""
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
    """Of (people, 4) boxes the MAX_PEOPLE largest, largest first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[np.argsort(-areas, kind="stable")[:MAX_PEOPLE]]


def _box_of(points: NDArray[np.floating], width: int, height: int) -> Boxes | None:
    """The (4,) box around (N, 2) points, inside the frame; None if less than a pixel of it is."""
    corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
    inside = np.clip(corners, 0, [width, height, width, height]).astype(np.float32)
    return inside if (inside[2:] - inside[:2]).min() >= 1 else None


def _middles_of_shoulders(keypoints: NDArray[np.float32], confidence: NDArray[np.float32]) -> Boxes:
    """(2, 2) the middle of the shoulders in the first and the last frame where both are certain; else NaN."""
    sure = np.flatnonzero((confidence[:, _SHOULDERS] > _MIN_CONFIDENCE).all(axis=1))
    if len(sure) == 0:
        return np.full((2, 2), np.nan, np.float32)
    return np.asarray(keypoints[sure[[0, -1]]][:, _SHOULDERS].mean(axis=1), np.float32)

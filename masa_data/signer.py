"""Which person is the signer, and where to look for them: boxes for estimators that look inside a box.

A clip is worked through in stretches of a few frames. Within a stretch every person's box stands still, so
that its frames can go through a network together and the result does not depend on how many go at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.base import Estimate
from masa_data.skeleton import NUM_KEYPOINTS

PersonMode = Literal["auto", "whole-frame", "annotated"]

# Frames in which boxes stand still: about a quarter of a second.
STRETCH: Final = 8
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

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]
# B frames and their (B, 4) boxes → (B, 49, 2) pixels and (B, 49) confidence in 0..1.
FindKeypoints = Callable[[Sequence[Image], Boxes], tuple[NDArray[np.float32], NDArray[np.float32]]]
# A frame → (people, 4) boxes: left, top, right, bottom in pixels.
DetectPeople = Callable[[Image], Boxes]


def estimate_in_box(
    images: Iterable[Image], box: Boxes | None, find: FindKeypoints, frames_at_a_time: int
) -> Iterator[Estimate]:
    """Look for the signer in one box throughout.

    Args:
        images: a clip's frames.
        box: (4,) in pixels; None = the whole frame.
        find: the network.
        frames_at_a_time: how many frames it is given; does not change the result.
    """
    for stretch in _stretches(images, frames_at_a_time):
        here = _whole_frame(stretch[0]) if box is None else box
        keypoints, confidence = find(stretch, np.tile(here, (len(stretch), 1)))
        yield from (Estimate(*found, here) for found in zip(keypoints, confidence, strict=True))


def estimate_by_following(images: Iterable[Image], find: FindKeypoints) -> Iterator[Estimate]:
    """Look at the whole frame first, then around the keypoints found in the stretch before.

    Where nobody is found any more, the whole frame is looked at again.
    """
    box: Boxes | None = None
    for stretch in _stretches(images):
        here = _whole_frame(stretch[0]) if box is None else box
        keypoints, confidence = find(stretch, np.tile(here, (len(stretch), 1)))
        yield from (Estimate(*found, here) for found in zip(keypoints, confidence, strict=True))
        box = box_around(keypoints, confidence, stretch[0].shape[1], stretch[0].shape[0])


def estimate_by_detection(
    images: Iterable[Image], find: FindKeypoints, detect: DetectPeople
) -> list[Estimate]:
    """Detect people at the start of every stretch, follow each, and keep the one who signs.

    Frames in which the signer is not in view have confidence 0.
    """
    people: list[Person] = []
    several = False
    frames = 0
    for stretch in _stretches(images):
        boxes = _largest(np.asarray(detect(stretch[0]), np.float32).reshape(-1, 4))
        several |= len(boxes) > 1
        for person, box in match_people(people, boxes):
            keypoints, confidence = find(stretch, np.tile(box, (len(stretch), 1)))
            person.see(frames, box, keypoints, confidence)
        frames += len(stretch)
    if not people:
        nobody = np.zeros((NUM_KEYPOINTS, 2), np.float32)
        unknown = np.full(4, np.nan, np.float32)
        return [Estimate(nobody, nobody[:, 0], unknown)] * frames
    signer = max(people, key=lambda person: person.signs(frames))
    return signer.estimates(frames, several)


@dataclass(slots=True)
class Person:
    """Somebody who is followed through a clip.

    Attributes:
        box: where they were last, (4,) in pixels.
        starts: first frame of each stretch in which they were seen.
        boxes: their box there.
        keypoints: (frames, 49, 2) there.
        confidence: (frames, 49) there.
    """

    box: Boxes
    starts: list[int] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)
    keypoints: list[NDArray[np.float32]] = field(default_factory=list)
    confidence: list[NDArray[np.float32]] = field(default_factory=list)

    def see(
        self, start: int, box: Boxes, keypoints: NDArray[np.float32], confidence: NDArray[np.float32]
    ) -> None:
        """Take in a stretch that begins at frame `start`."""
        self.box = box
        self.starts.append(start)
        self.boxes.append(box)
        self.keypoints.append(keypoints)
        self.confidence.append(confidence)

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
    points = np.concatenate([keypoints[sure], reach])
    corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
    inside = np.clip(corners, 0, [width, height, width, height]).astype(np.float32)
    return inside if (inside[2:] - inside[:2]).min() >= 1 else None


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


def _largest(boxes: Boxes) -> Boxes:
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return boxes[np.argsort(-areas, kind="stable")[:MAX_PEOPLE]]


def _whole_frame(image: Image) -> Boxes:
    return np.array([0, 0, image.shape[1], image.shape[0]], np.float32)


def _stretches(images: Iterable[Image], length: int = STRETCH) -> Iterator[list[Image]]:
    remaining = iter(images)
    while stretch := list(islice(remaining, length)):
        yield stretch

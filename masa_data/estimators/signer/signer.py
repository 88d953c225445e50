"""Selection of the signer, and of the boxes in which estimators search.

A clip is processed in stretches of a few frames. Every person's box is constant within a stretch, so that its
frames can go through a network together and the result does not depend on the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from masa_data.estimators.base import Estimate
from masa_data.estimators.signer.people import Boxes, Person, box_around, largest, match_people
from masa_data.tracks.skeleton import NUM_KEYPOINTS

PersonMode = Literal["auto", "detect", "follow", "annotated", "whole-frame"]

# Number of frames with constant boxes: about a quarter of a second.
STRETCH: Final = 8
# People are detected again after this many stretches (32 frames, about a second), or when a person is lost. A
# detector takes at least as long as a fast pose model takes for all frames of a stretch.
DETECT_EVERY: Final = 4

Image = NDArray[np.uint8]
# B frames and their (B, 4) boxes → (B, 49, 2) pixels and (B, 49) confidence in 0..1.
FindKeypoints = Callable[[Sequence[Image], Boxes], tuple[NDArray[np.float32], NDArray[np.float32]]]
# A frame → (people, 4) boxes: left, top, right, bottom in pixels.
DetectPeople = Callable[[Image], Boxes]


def estimate_in_box(
    images: Iterable[Image], box: Boxes | None, find: FindKeypoints, frames_at_a_time: int
) -> Iterator[Estimate]:
    """Search the signer in the same box in all frames.

    Args:
        images: a clip's frames.
        box: (4,) in pixels; None = the whole frame.
        find: the network.
        frames_at_a_time: number of frames per call of the network; does not change the result.
    """
    for stretch in _stretches(images, frames_at_a_time):
        here = _whole_frame(stretch[0]) if box is None else box
        keypoints, confidence = find(stretch, np.tile(here, (len(stretch), 1)))
        yield from (Estimate(*found, here) for found in zip(keypoints, confidence, strict=True))


def estimate_by_following(images: Iterable[Image], find: FindKeypoints) -> Iterator[Estimate]:
    """Search in the whole frame first, then around the keypoints of the previous stretch.

    If nobody is found, the whole frame is searched again.
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
    """Detect people, track each of them, and return the keypoints of the person who signs.

    People are detected in the first frame of a stretch: of the first stretch, of every DETECT_EVERY-th after
    it, and of any stretch before which nobody was visible or a person was lost. In the other stretches, each
    person is searched at the predicted position. Frames in which the signer is not visible have confidence 0.

    Args:
        images: a clip's frames.
        find: the network.
        detect: the detector.
    """
    people: list[Person] = []
    present: list[Person] = []
    several = False
    frames = undetected = 0
    for stretch in _stretches(images):
        height, width = stretch[0].shape[:2]
        boxes_ahead = [person.box_ahead(width, height) for person in present]
        followed = [
            (person, box) for person, box in zip(present, boxes_ahead, strict=True) if box is not None
        ]
        detected = not present or len(followed) < len(present) or undetected == DETECT_EVERY - 1
        undetected = 0 if detected else undetected + 1
        if detected:
            boxes = largest(np.asarray(detect(stretch[0]), np.float32).reshape(-1, 4))
            several |= len(boxes) > 1
            followed = match_people(people, boxes)
        for person, box in followed:
            keypoints, confidence = find(stretch, np.tile(box, (len(stretch), 1)))
            person.see(frames, box, keypoints, confidence, detected=detected)
        present = [person for person, _ in followed]
        frames += len(stretch)
    if not people:
        nobody = np.zeros((NUM_KEYPOINTS, 2), np.float32)
        unknown = np.full(4, np.nan, np.float32)
        return [Estimate(nobody, nobody[:, 0], unknown)] * frames
    signer = max(people, key=lambda person: person.signs(frames))
    return signer.estimates(frames, several)


def _whole_frame(image: Image) -> Boxes:
    return np.array([0, 0, image.shape[1], image.shape[0]], np.float32)


def _stretches(images: Iterable[Image], length: int = STRETCH) -> Iterator[list[Image]]:
    remaining = iter(images)
    while stretch := list(islice(remaining, length)):
        yield stretch

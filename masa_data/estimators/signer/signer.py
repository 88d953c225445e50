"""Which person is the signer, and where to look for them: boxes for estimators that look inside a box.

A clip is worked through in stretches of a few frames. Within a stretch every person's box stands still, so
that its frames can go through a network together and the result does not depend on how many go at a time.
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

# Frames in which boxes stand still: about a quarter of a second.
STRETCH: Final = 8
# People are detected anew after so many stretches (32 frames, about a second), or when one of them is lost: a
# detector takes as long as a fast pose model takes for all frames of a stretch, or longer.
DETECT_EVERY: Final = 4

Image = NDArray[np.uint8]
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
    """Detect people, follow each, and keep the one who signs.

    They are detected in the first frame of a stretch: of the first, of every DETECT_EVERY-th after that, and
    of any before which nobody was in view or somebody was lost. In between each is looked for where they
    have moved. Frames in which the signer is not in view have confidence 0.

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

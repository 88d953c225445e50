"""Which of several people in the frames is the signer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SHOULDERS: Final = [5, 6]  # of COCO-WholeBody's 133
_WRISTS: Final = [9, 10]
_MIN_OVERLAP: Final = 0.3
_MIN_SCORE: Final = 0.3


class Person(NamedTuple):
    """One person in one frame.

    keypoints: (133, 2) pixels. scores: (133,). box: x0, y0, x1, y1 pixels.
    """

    keypoints: NDArray[np.float64]
    scores: NDArray[np.float64]
    box: tuple[float, float, float, float]


def choose_signer(frames: Sequence[Sequence[Person]]) -> list[Person | None]:
    """Follow everybody by their boxes and take the one who stays and moves the hands most.

    In each frame a person is who had the box that overlaps theirs most (by 0.3 of the two boxes' union at
    least) where that one was last seen; else somebody new. Hands move by the way that the wrists go from
    frame to frame, seen from the middle of the shoulders and in heights of the box, so that neither somebody
    who walks by nor somebody near the camera wins; the sum over the frames favours who stays. Of equals, who
    is there in more frames, then who came first.

    Args:
        frames: the people in each frame.

    Returns:
        the signer in each frame; None where they are not there.
    """
    followed: list[dict[int, Person]] = []  # of each one: the person by frame
    for number, people in enumerate(frames):
        overlaps = sorted(
            (
                (-_overlap(seen[max(seen)].box, person.box), who, which)
                for who, seen in enumerate(followed)
                for which, person in enumerate(people)
            ),
        )
        taken: dict[int, int] = {}  # place among `people` -> place in `followed`
        for overlap, who, which in overlaps:
            if -overlap >= _MIN_OVERLAP and which not in taken and who not in taken.values():
                taken[which] = who
        for which, person in enumerate(people):
            if which in taken:
                followed[taken[which]][number] = person
            else:
                followed.append({number: person})
    if not followed:
        return [None] * len(frames)
    signer = max(followed, key=lambda seen: (_hand_movement(seen), len(seen)))
    return [signer.get(number) for number in range(len(frames))]


def _hand_movement(seen: dict[int, Person]) -> float:
    """The way of both wrists in heights of the box, over all pairs of neighbouring frames."""
    total = 0.0
    for number, person in seen.items():
        before = seen.get(number - 1)
        if before is None:
            continue
        height = max(person.box[3] - person.box[1], 1.0)
        steps = _wrists(person) - _wrists(before)
        total += float(np.nansum(np.linalg.norm(steps, axis=1))) / height
    return total


def _wrists(person: Person) -> NDArray[np.float64]:
    """(2, 2) wrists from the middle of the shoulders; NaN where they are not well found."""
    middle = person.keypoints[_SHOULDERS].mean(axis=0)
    known = person.scores[_WRISTS] > _MIN_SCORE
    return np.where(known[:, None], person.keypoints[_WRISTS] - middle, np.nan)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection of two boxes as a share of their union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union

"""The 49 keypoints: names, parts, limbs, mirror partners, and their indices in the output of estimators.

Seven upper-body keypoints, then 21 for each hand (wrist; thumb, index, middle, ring and little finger with
four keypoints each, from base to tip). "Left" is the signer's left.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

NUM_KEYPOINTS: Final = 49
NUM_HAND_KEYPOINTS: Final = 21

BODY: Final = slice(0, 7)
LEFT_HAND: Final = slice(7, 28)
RIGHT_HAND: Final = slice(28, 49)
PARTS: Final = {"body": BODY, "left hand": LEFT_HAND, "right hand": RIGHT_HAND}

_FINGERS: Final = ("thumb", "index", "middle", "ring", "little")
_HAND_NAMES: Final = ("wrist", *(f"{finger}_{joint}" for finger in _FINGERS for joint in range(1, 5)))

KEYPOINT_NAMES: Final = (
    "nose",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    *(f"left_hand_{name}" for name in _HAND_NAMES),
    *(f"right_hand_{name}" for name in _HAND_NAMES),
)

# Index of each of the 49 keypoints among COCO-WholeBody's 133 (in MMPose's order).
COCO_WHOLEBODY_INDICES: Final = np.array([0, 5, 7, 9, 6, 8, 10, *range(91, 112), *range(112, 133)])

# Index of each of the seven body keypoints among MediaPipe's 33 pose landmarks. MediaPipe's 21 hand landmarks
# already have the order of this file.
MEDIAPIPE_POSE_INDICES: Final = np.array([0, 11, 13, 15, 12, 14, 16])

# keypoints[:, MIRROR] exchanges left and right; it is its own inverse.
MIRROR: Final = np.array([0, 4, 5, 6, 1, 2, 3, *range(28, 49), *range(7, 28)])

_BODY_LIMBS: Final = ((0, 1), (0, 4), (1, 4), (1, 2), (2, 3), (4, 5), (5, 6))


def _hand_limbs(first: int) -> tuple[tuple[int, int], ...]:
    """Return the bones of the hand with wrist `first`: five fingers from the wrist, and the knuckles."""
    fingers = tuple(
        (first + (0 if joint == 1 else 4 * finger + joint - 1), first + 4 * finger + joint)
        for finger in range(5)
        for joint in range(1, 5)
    )
    knuckles = tuple((first + base, first + base + 4) for base in (5, 9, 13))
    return fingers + knuckles


# Pairs of keypoints that are connected by a line in pictures.
LIMBS: Final = (*_BODY_LIMBS, (3, 7), (6, 28), *_hand_limbs(7), *_hand_limbs(28))


def seen_bones(seen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the bones that can be drawn: both ends are visible.

    Args:
        seen: (49,) whether each keypoint is present.

    Returns:
        pairs of keypoints, a subset of LIMBS.
        pairs of keypoints, out of LIMBS.
    """
    there = seen.tolist()
    return [(first, second) for first, second in LIMBS if there[first] and there[second]]


# A hand is found in a frame if at least this many of its 21 keypoints have more than this confidence: the
# rule for cropping a hand in the released MASA code.
HAND_MIN_KEYPOINTS: Final = 10
HAND_MIN_CONFIDENCE: Final = 0.1

"""Rows of numbers that hold landmarks in an order that the user states: `pose,left,right` or `wholebody`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.formats.untrusted.limits import check_frames
from masa_data.formats.wholebody import NUM_WHOLEBODY, WholeBody
from masa_data.tracks.skeleton import (
    BODY,
    COCO_WHOLEBODY_INDICES,
    LEFT_HAND,
    MEDIAPIPE_POSE_INDICES,
    NUM_HAND_KEYPOINTS,
    NUM_KEYPOINTS,
    RIGHT_HAND,
)

# Number of points of each kind of block. Those of MediaPipe's face are not used.
POINTS: Final = {
    "pose": 33,
    "left": NUM_HAND_KEYPOINTS,
    "right": NUM_HAND_KEYPOINTS,
    "face": 468,
    "wholebody": NUM_WHOLEBODY,
}
_HAND: Final = np.arange(NUM_HAND_KEYPOINTS)
# Which of the 49 keypoints a block has, and where.
_KEPT: Final = {
    "pose": (np.arange(BODY.start, BODY.stop), MEDIAPIPE_POSE_INDICES),
    "left": (_HAND + LEFT_HAND.start, _HAND),
    "right": (_HAND + RIGHT_HAND.start, _HAND),
    "wholebody": (np.arange(NUM_KEYPOINTS), COCO_WHOLEBODY_INDICES),
}
# Position of a score among the values of a point: MediaPipe has x, y, z, visibility; others x, y, score.
_SCORE: Final = {"pose": 3, "wholebody": 2}
_MOST_VALUES: Final = 4
_EXPECTED: Final = (
    "blocks of " + ", ".join(POINTS) + ", each once, with 2 to 4 values a point, like pose:4,left:3"
)
_ADVICE: Final = "Write the order of the numbers with {columns}"


@dataclass(frozen=True, slots=True)
class Block:
    """Neighboring points in a row.

    Attributes:
        kind: one of POINTS.
        values: values of each point; 0 = as the row's length says.
    """

    kind: str
    values: int = 0


def parse_blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks that a text names.

    Args:
        text: names in the order of the numbers, like "pose,left,right" or "pose:4,face:3,left:3,right:3".

    Raises:
        DataError: if the text has another form, or none of the 49 keypoints is among the points.

    Example:
        >>> parse_blocks("pose:4,left:3")[0]
        Block(kind='pose', values=4)
    """
    blocks = []
    for part in text.split(","):
        kind, colon, number = part.strip().partition(":")
        values = int(number) if number in ("2", "3", "4") else 0
        if kind not in POINTS or bool(colon) != bool(values):
            raise DataError(f"found {part[:40]!r} as columns, expected {_EXPECTED}", _ADVICE, columns=...)
        blocks.append(Block(kind, values))
    kinds = [block.kind for block in blocks]
    if len(set(kinds)) < len(kinds) or kinds == ["face"] or ("wholebody" in kinds and len(kinds) > 1):
        raise DataError(f"found the columns {text[:80]!r}, expected {_EXPECTED}", _ADVICE, columns=...)
    if any(block.values for block in blocks) and not all(block.values for block in blocks):
        raise DataError(
            f"found the columns {text[:80]!r}, expected the number of values in all blocks or in none",
            _ADVICE,
            columns=...,
        )
    return tuple(blocks)


def keypoints_in(rows: NDArray[np.floating], blocks: Sequence[Block]) -> WholeBody:
    """Return the 49 keypoints in rows of numbers; points that no block has are missing.

    A point that is not finite, or whose x and y are both 0, is missing: many programs write zeros for a hand
    that was not found. Without a score, the others have confidence 1.

    Args:
        rows: (T, V) one row for each frame.
        blocks: the order of the numbers.

    Raises:
        DataError: if a row has more or fewer numbers than the blocks.
    """
    frames, length = rows.shape
    check_frames(frames)
    points = sum(POINTS[block.kind] for block in blocks)
    each = length // points if length % points == 0 else 0
    counts = [POINTS[block.kind] * (block.values or each) for block in blocks]
    if frames == 0 or sum(counts) != length or not all(2 <= (block.values or each) <= 4 for block in blocks):
        raise DataError(
            f"found {frames:,} rows of {length:,} numbers, expected at least one, and 2 to {_MOST_VALUES} "
            f"values for each of {points} points",
            _ADVICE,
            columns=...,
        )
    positions, scores = np.zeros((frames, NUM_KEYPOINTS, 2)), np.zeros((frames, NUM_KEYPOINTS))
    for block, part in zip(blocks, np.split(rows, np.cumsum(counts)[:-1], axis=1), strict=True):
        if block.kind not in _KEPT:
            continue
        target, source = _KEPT[block.kind]
        values = part.reshape(frames, POINTS[block.kind], -1)[:, source]
        place = _SCORE.get(block.kind, _MOST_VALUES)
        score = values[..., place] if place < values.shape[2] else np.ones(values.shape[:2])
        known = (
            np.isfinite(values[..., :2]).all(axis=2) & np.isfinite(score) & (values[..., :2] != 0).any(axis=2)
        )
        positions[:, target] = np.where(known[..., None], values[..., :2], 0)
        scores[:, target] = np.where(known, score, 0)
    return WholeBody(positions, scores, np.arange(frames), counted=True)

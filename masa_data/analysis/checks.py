"""Detection of suspicious clips: five faults that the keypoints of a clip can show.

| fault | a clip has it if |
|---|---|
| no hands | neither hand was found in at least half of its frames |
| jumps | a body keypoint, or ten keypoints of a hand, moved further between two frames than hands can move |
| swapped hands | in at least a tenth of the frames with a hand, hands are on the wrists of the other side |
| several people | the estimator found more people than the signer |
| near-duplicate | a clip of another split has the same motion (near_duplicates.py) |

A fault does not prove an error. Distances are in shoulder widths of the clip (motion.shoulder_width).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.motion import shoulder_width, steps
from masa_data.analysis.quality import hands_found
from masa_data.tracks.skeleton import BODY, HAND_MIN_KEYPOINTS, KEYPOINT_NAMES, LEFT_HAND, RIGHT_HAND
from masa_data.tracks.track import PoseTrack

NO_HANDS: Final = "no hands"
JUMPS: Final = "jumps"
SWAPPED: Final = "swapped hands"
SEVERAL_PEOPLE: Final = "several people"
NEAR_DUPLICATE: Final = "near-duplicate"
FAULTS: Final = (NO_HANDS, JUMPS, SWAPPED, SEVERAL_PEOPLE, NEAR_DUPLICATE)

# Smallest value with which a clip has a fault.
LIMITS: Final[Mapping[str, float]] = {
    NO_HANDS: 0.5,
    JUMPS: 1e-9,
    SWAPPED: 0.1,
    SEVERAL_PEOPLE: 1,
    NEAR_DUPLICATE: 0.5,
}

# Body keypoints with a lower confidence are unstable and not checked.
_SURE: Final = 0.3
# A hand that moves one shoulder width in 1/25 s has a speed of 9 m/s; signing hands stay below half of that.
_FASTEST: Final = 25.0  # shoulder widths per second
_SHORTEST_JUMP: Final = 1.0  # shoulder widths; at high frame rates, smaller steps are jitter
# A hand must be closer to the other wrist by this distance, so that touching hands do not count as swapped.
_SWAP_MARGIN: Final = 0.5  # shoulder widths

_WRISTS: Final = [KEYPOINT_NAMES.index("left_wrist"), KEYPOINT_NAMES.index("right_wrist")]
_HANDS: Final = [LEFT_HAND.start, RIGHT_HAND.start]


def no_hands(track: PoseTrack) -> float:
    """Return the share of frames in which neither hand was found, in 0..1."""
    return float(1 - hands_found(track.confidence).any(axis=1).mean())


def jumps(track: PoseTrack) -> float:
    """Return the share of steps between kept frames that are impossible for a signer, in 0..1.

    Such a step moves a body keypoint with a confidence of at least 0.3, or ten keypoints of a hand, by more
    than one shoulder width, and faster than 25 shoulder widths per second. If the source has no frame times,
    25 frames per second are assumed.
    """
    if len(track) < 2:
        return 0.0
    clock = np.diff(track.time)
    seconds = np.where(np.isfinite(clock), clock, np.diff(track.frame_index) / 25)
    limit = np.maximum(_SHORTEST_JUMP, _FASTEST * seconds)
    far = steps(track, shoulder_width(track)) > limit[:, None]  # False for NaN
    sure = track.confidence[:, BODY] >= _SURE
    body = (far[:, BODY] & sure[1:] & sure[:-1]).any(axis=1)
    hands = [far[:, hand].sum(axis=1) >= HAND_MIN_KEYPOINTS for hand in (LEFT_HAND, RIGHT_HAND)]
    return float((body | hands[0] | hands[1]).mean())


def swapped(track: PoseTrack) -> float:
    """Return the share of frames with a hand in which hands are on the wrists of the other side, in 0..1.

    In such a frame, the distance of the found hands to the body's wrists of the other side, summed over the
    hands, is smaller than the distance to their own wrists by more than half a shoulder width.
    """
    found = hands_found(track.confidence)
    wrists = track.keypoints[:, _WRISTS]
    hands = track.keypoints[:, _HANDS]
    own = np.hypot(*np.moveaxis(hands - wrists, -1, 0))
    other = np.hypot(*np.moveaxis(hands - wrists[:, ::-1], -1, 0))
    excess = np.where(found & np.isfinite(own) & np.isfinite(other), own - other, 0).sum(axis=1)
    frames = int(found.any(axis=1).sum())
    return float((excess > _SWAP_MARGIN * shoulder_width(track)).sum() / frames) if frames else 0.0


def measure(track: PoseTrack) -> dict[str, float]:
    """Return each fault that one clip alone can show → its value in 0..1; 0 = no fault."""
    return {
        NO_HANDS: no_hands(track),
        JUMPS: jumps(track),
        SWAPPED: swapped(track),
        SEVERAL_PEOPLE: float(track.info.several_people),
    }


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspicious clip.

    Attributes:
        number: number of the clip in its file.
        faults: name of each fault of the clip → its value in 0..1.
    """

    number: int
    faults: dict[str, float]


def most_suspicious(values: Mapping[str, NDArray[np.floating]], most: int) -> list[Suspect]:
    """Select the most suspicious clips: the worst of each fault in turn, so that all faults are represented.

    Args:
        values: name of each fault → (N,) values of all clips in 0..1.
        most: maximum number of clips.

    Returns:
        clips with at least one fault, without duplicates.
    """
    worst_first = [_with_fault(name, column) for name, column in values.items()]
    chosen: dict[int, None] = {}
    for rank in range(max(map(len, worst_first), default=0)):
        for numbers in worst_first:
            if rank < len(numbers) and len(chosen) < most:
                chosen.setdefault(int(numbers[rank]))
    return [Suspect(number, _faults(values, number)) for number in chosen]


def _with_fault(name: str, column: NDArray[np.floating]) -> Sequence[int]:
    worst = np.argsort(-column, kind="stable")
    return [int(number) for number in worst if column[number] >= LIMITS[name]]


def _faults(values: Mapping[str, NDArray[np.floating]], number: int) -> dict[str, float]:
    return {name: float(v[number]) for name, v in values.items() if v[number] >= LIMITS[name]}

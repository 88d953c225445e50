"""The 49 keypoints among the points of a .pose file: of MediaPipe Holistic, COCO-WholeBody and OpenPose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.formats.pose.header import Component, PoseHeader
from masa_data.tracks.skeleton import BODY, KEYPOINT_NAMES, LEFT_HAND, LIMBS, NUM_HAND_KEYPOINTS, RIGHT_HAND

_WHOLEBODY_NAMES: Final = KEYPOINT_NAMES[BODY]
_OPENPOSE_NAMES: Final = ("Nose", "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist")
_HOLISTIC_HAND: Final = (
    "WRIST",
    *(f"THUMB_{joint}" for joint in ("CMC", "MCP", "IP", "TIP")),
    *(
        f"{finger}_FINGER_{joint}"
        for finger in ("INDEX", "MIDDLE", "RING")
        for joint in ("MCP", "PIP", "DIP", "TIP")
    ),
    *(f"PINKY_{joint}" for joint in ("MCP", "PIP", "DIP", "TIP")),
)


@dataclass(frozen=True, slots=True)
class PoseLayout:
    """The names of a skeleton's points in .pose files.

    Attributes:
        name: name of the skeleton.
        components: components of the body, the left and the right hand.
        body: names of the seven body keypoints. The 21 points of a hand have masa's order, whatever their
            names.
        hand: names of a hand's points, for files that are written.
    """

    name: str
    components: tuple[str, str, str]
    body: tuple[str, ...]
    hand: tuple[str, ...]

    def written(self) -> tuple[Component, ...]:
        """Return the components of a file that contains only the 49 keypoints."""
        return tuple(
            Component(name, "XYC", points, _limbs_within(part))
            for name, points, part in zip(
                self.components,
                (self.body, self.hand, self.hand),
                (BODY, LEFT_HAND, RIGHT_HAND),
                strict=True,
            )
        )


HOLISTIC: Final = PoseLayout(
    "holistic",
    ("POSE_LANDMARKS", "LEFT_HAND_LANDMARKS", "RIGHT_HAND_LANDMARKS"),
    tuple(name.upper() for name in _WHOLEBODY_NAMES),
    _HOLISTIC_HAND,
)
WHOLEBODY: Final = PoseLayout(
    "coco-wholebody",
    ("BODY", "LEFT_HAND", "RIGHT_HAND"),
    _WHOLEBODY_NAMES,
    tuple(f"hand_{number}" for number in range(NUM_HAND_KEYPOINTS)),
)
OPENPOSE: Final = PoseLayout(
    "openpose",
    ("pose_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"),
    _OPENPOSE_NAMES,
    tuple(f"hand_{number}" for number in range(NUM_HAND_KEYPOINTS)),
)


def find_points(header: PoseHeader) -> tuple[PoseLayout, NDArray[np.int64]]:
    """Return the skeleton of a file, and the index of each of the 49 keypoints among its points.

    Raises:
        DataError: if it is none of the three skeletons, or lacks one of the points.
    """
    names = [component.name for component in header.components]
    layout = next((known for known in (HOLISTIC, WHOLEBODY, OPENPOSE) if known.components[0] in names), None)
    if layout is None:
        raise DataError(
            f"found the components {ascii(names)[:80]}, expected those of MediaPipe Holistic, COCO-WholeBody "
            "or OpenPose",
            "Estimate the poses with one of these",
        )
    body, left, right = (_component(header, name) for name in layout.components)
    missing = [name for name in layout.body if name not in body[1].points]
    if missing:
        raise DataError(
            f"found no point {', '.join(missing)} in {layout.components[0]}, expected shoulders, elbows, "
            "wrists and the nose",
            "Give the file before points were removed",
        )
    for _, hand in (left, right):
        if len(hand.points) != NUM_HAND_KEYPOINTS:
            raise DataError(
                f"found {len(hand.points)} points in {hand.name}, expected {NUM_HAND_KEYPOINTS}",
                "Give the file before points were removed",
            )
    places = [body[0] + body[1].points.index(name) for name in layout.body]
    places += [start + place for start, _ in (left, right) for place in range(NUM_HAND_KEYPOINTS)]
    return layout, np.array(places)


def _component(header: PoseHeader, name: str) -> tuple[int, Component]:
    """Return the index of a component's first point, and the component."""
    start = 0
    for component in header.components:
        if component.name == name:
            return start, component
        start += len(component.points)
    raise DataError(f"found no component {name}, expected a body and both hands", "Estimate both hands too")


def _limbs_within(part: slice) -> tuple[tuple[int, int], ...]:
    inside = range(part.start, part.stop)
    return tuple((a - part.start, b - part.start) for a, b in LIMBS if a in inside and b in inside)

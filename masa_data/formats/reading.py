"""How a user says that numbers of others are to be taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from masa_data.tracks.provenance import EstimatorIdentity

Units = Literal["pixels", "shares"]
UNITS: Final[tuple[Units, ...]] = ("pixels", "shares")

# Whose keypoints masa extracts, or people hold.
DECLARABLE: Final = ("mediapipe", "mmpose", "openpose")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the files do not say of their numbers.

    Attributes:
        units: of positions: pixels, or shares of the frame's width and height.
        swap_size: whether files that say a size give height and width the other way round.
        estimator: the one that is declared to have found the keypoints; None = nobody says.
    """

    units: Units = "pixels"
    swap_size: bool = False
    estimator: str | None = None

    def pixels(self, positions: NDArray[np.floating], width: int, height: int) -> NDArray[np.floating]:
        """Positions as read, (…, 2), or boxes, (…, 4), in pixels."""
        if self.units == "pixels":
            return positions
        return np.asarray(positions * np.tile([width, height], positions.shape[-1] // 2))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height out of those that a file says."""
        return (height, width) if self.swap_size else (width, height)

    def identity(
        self, otherwise: str, version: str, settings: dict[str, str], confidence: str
    ) -> EstimatorIdentity:
        """What is recorded of who found the keypoints.

        Args:
            otherwise: the name if nobody declared one.
            version: the model, if the user gave it; else "unknown".
            settings: what was imported.
            confidence: what it means.
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
# What npz files of kp49 hold unless somebody says otherwise.
SHARES: Final = Reading(units="shares")

"""Whether the numbers of a clip can be pixels of its frames: a signer is neither a dot nor out of sight.

Keypoints come as pixels, as shares of the frame or in shoulder widths, and nothing in most files says which.
The whole clip is judged, so that a hand that leaves the frame or a hand seen alone raises no doubt. Over
20,269 real clips the narrowest is 7.6 % of the frame's longer side wide or high, at least 62 % of the
confidence lies in the frame, and 8 % at most beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.track import PoseTrack

# Fewer keypoints than half a hand say nothing about a scale.
_FEWEST: Final = 10
# Without the outermost hundredths, which may be mistakes of the estimator.
_BULK: Final = (0.02, 0.98)
# Shares of the frame's longer side, and of the confidence.
_NARROWEST: Final = 0.025
_LEAST_INSIDE: Final = 0.5
_BESIDE: Final = 0.08
_BELOW: Final = 0.4
_FITS: Final = 0.98


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why numbers cannot be pixels.

    Attributes:
        found: of this clip, and what was expected.
        advice: the likely cause, and what mends it.
    """

    found: str
    advice: str

    def error(self) -> DataError:
        """The error that it is for an import."""
        return DataError(self.found, self.advice)


def find_doubt(track: PoseTrack, dropped: int = 0) -> Doubt | None:
    """Why the keypoints of a clip cannot be pixels of frames of its size; None if they can.

    Args:
        track: the clip.
        dropped: how many keypoints lay too far outside to be stored.
    """
    points, weights = _known(track)
    width, height = track.info.width, track.info.height
    if dropped > len(points):
        return _outside(dropped / (dropped + len(points)), track)
    if len(points) == 0 or (track.confidence > 0).sum(axis=1).max() < _FEWEST:
        return None
    low, high = np.quantile(points, _BULK, axis=0)
    if (high - low).max() < _NARROWEST * max(width, height):
        return _narrow(low, high, track)
    inside = _inside(points, weights, width, height)
    too_wide = _inside(points, weights, width, np.inf) < 1 - _BESIDE
    too_high = _inside(points, weights, np.inf, height) < 1 - _BELOW
    narrower = (too_wide and width < height) or (too_high and height < width)
    if narrower and _inside(points, weights, height, width) >= _FITS:
        return Doubt(
            f"{1 - inside:.0%} of the keypoints lie outside the frame of {width}×{height} pixels, hardly any "
            f"outside one of {height}×{width}: width and height are swapped, it seems (--size, or --swap-size"
            " where the file says the size)",
            f"Give --size {height}x{width}, or --swap-size where the file says the size",
        )
    return _outside(1 - inside, track) if inside < _LEAST_INSIDE else None


def _known(track: PoseTrack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = track.confidence > 0
    return track.keypoints[known].astype(np.float64), track.confidence[known].astype(np.float64)


def _inside(points: NDArray[np.float64], weights: NDArray[np.float64], width: float, height: float) -> float:
    """The share of the confidence that lies inside a frame."""
    here = ((points >= 0) & (points <= (width, height))).all(axis=1)
    return float(weights[here].sum() / weights.sum())


def _narrow(low: NDArray[np.float64], high: NDArray[np.float64], track: PoseTrack) -> Doubt:
    found = (
        f"the keypoints span {low[0]:.2f} to {high[0]:.2f} across and {low[1]:.2f} to {high[1]:.2f} down, "
        f"expected pixels of frames of {track.info.width}×{track.info.height}: "
    )
    if (low >= -0.25).all() and (high <= 1.75).all() and (high > low).any():
        return Doubt(found + "shares of the frame, it seems (--units shares)", "Give --units shares")
    if (np.abs([low, high]) <= 10).all() and (high > low).any():
        return Doubt(
            found + "normalised, it seems, as to shoulder widths, which cannot be undone",
            "Give the keypoints from before that, in pixels or as shares of the frame",
        )
    return Doubt(
        found + "too small for a signer", "Look whether they belong to these frames, and what gave them"
    )


def _outside(share: float, track: PoseTrack) -> Doubt:
    return Doubt(
        f"{share:.0%} of the keypoints lie outside the frame of {track.info.width}×{track.info.height} "
        "pixels, expected most of them inside: the frames were larger, or these are other units (--units)",
        "Give the true size with --size or --videos, or the units with --units pixels or --units shares",
    )

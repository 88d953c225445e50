"""Whether the numbers of a clip can be pixels of its frames: a signer is neither a dot nor out of sight.

Keypoints come as pixels, as shares of the frame or in shoulder widths, and nothing in most files says which.
The whole clip is judged, so that a hand that leaves the frame or a hand seen alone raises no doubt. Over
20,269 real clips the narrowest is 7.6 % of the frame's longer side wide or high, at least 62 % of the
confidence lies in the frame.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.tracks.track import PoseTrack

# Fewer keypoints than half a hand say nothing about a scale.
_FEWEST: Final = 10
# Without the outermost hundredths, which may be mistakes of the estimator.
_OUTERMOST: Final = 0.02
_NARROWEST: Final = 0.025  # of the frame's longer side
# Shares of the confidence: outside the frame, beside it, above or below it, and outside the turned frame.
_MOST_OUTSIDE: Final = 0.5
_BESIDE: Final = 0.08
_BELOW: Final = 0.4
_STRAY: Final = 0.02


def find_doubt(track: PoseTrack, dropped: int = 0) -> DataError | None:
    """Why the keypoints of a clip cannot be pixels of frames of its size; None if they can.

    Args:
        track: the clip.
        dropped: how many keypoints lay too far outside to be stored.
    """
    known = track.confidence > 0
    # Each axis by itself: a third of the time that pairs take.
    points = np.stack([track.keypoints[..., axis][known] for axis in (0, 1)])
    weights = track.confidence[known]
    width, height = track.info.width, track.info.height
    count = points.shape[1]
    if dropped > count:
        return _outside(dropped / (dropped + count), track)
    if count == 0 or np.count_nonzero(known, axis=1).max() < _FEWEST:
        return None
    outermost = int(_OUTERMOST * count)
    ordered = np.partition(points, (outermost, count - 1 - outermost), axis=1)
    low, high = ordered[:, outermost], ordered[:, count - 1 - outermost]
    if (high - low).max() < _NARROWEST * max(width, height):
        return _narrow(low, high, track)
    beside, below = _share(weights, _beyond(points[0], width)), _share(weights, _beyond(points[1], height))
    outside = _share(weights, _beyond(points[0], width) | _beyond(points[1], height))
    if (beside > _BESIDE and width < height) or (below > _BELOW and height < width):
        turned = _share(weights, _beyond(points[0], height) | _beyond(points[1], width))
        if turned <= _STRAY:
            return DataError(
                f"{outside:.0%} of the keypoints lie outside the frame of {width}×{height} pixels, hardly "
                f"any outside one of {height}×{width}: width and height are swapped, it seems ({{size}}, or "
                "{swap_size} where the file says the size)",
                "Give {size}, or {swap_size} where the file says the size",
                size=(height, width),
                swap_size=True,
            )
    return _outside(outside, track) if outside > _MOST_OUTSIDE else None


def _beyond(values: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    return (values < 0) | (values > side)


def _share(weights: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float:
    """The share of the confidence that chosen keypoints have."""
    return float(weights @ chosen / weights.sum())


def _narrow(low: NDArray[np.float32], high: NDArray[np.float32], track: PoseTrack) -> DataError:
    found = (
        f"the keypoints span {low[0]:.2f} to {high[0]:.2f} across and {low[1]:.2f} to {high[1]:.2f} down, "
        f"expected pixels of frames of {track.info.width}×{track.info.height}: "
    )
    if (low >= -0.25).all() and (high <= 1.75).all() and (high > low).any():
        return DataError(found + "shares of the frame, it seems ({units})", "Give {units}", units="shares")
    if (np.abs([low, high]) <= 10).all() and (high > low).any():
        return DataError(
            found + "normalized, it seems, as to shoulder widths, which cannot be undone",
            "Give the keypoints from before that, in pixels or as shares of the frame",
        )
    return DataError(
        found + "too small for a signer", "Look whether they belong to these frames, and what gave them"
    )


def _outside(share: float, track: PoseTrack) -> DataError:
    return DataError(
        f"{share:.0%} of the keypoints lie outside the frame of {track.info.width}×{track.info.height} "
        "pixels, expected most of them inside: the frames were larger, or these are other units ({units})",
        "Give the true size with {size} or {videos}, or the units with {units}: pixels or shares",
        size=...,
        videos=...,
        units=...,
    )

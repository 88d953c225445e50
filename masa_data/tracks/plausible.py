"""Check whether the keypoints of a clip can be pixels of its frames.

Keypoints may be pixels, shares of the frame or shoulder widths, and most files do not say which. The whole
clip is checked, so a hand that leaves the frame, or a single visible hand, does not fail the check. In 20,269
real clips, the narrowest signer spans 7.6 % of the frame's longer side, and at least 62 % of the confidence
is inside the frame.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.tracks.track import PoseTrack

# With fewer keypoints than half a hand, the scale cannot be estimated.
_FEWEST: Final = 10
# The outermost percentiles are ignored; they may be errors of the estimator.
_OUTERMOST: Final = 0.02
_NARROWEST: Final = 0.025  # of the frame's longer side
# Shares of the confidence: outside the frame, left or right of it, above or below it, and outside the frame
# with width and height swapped.
_MOST_OUTSIDE: Final = 0.5
_BESIDE: Final = 0.08
_BELOW: Final = 0.4
_STRAY: Final = 0.02


def find_doubt(track: PoseTrack, dropped: int = 0) -> DataError | None:
    """Return why the keypoints of a clip cannot be pixels of frames of its size; None if they can.

    Args:
        track: the clip.
        dropped: number of keypoints that were too far outside to be stored.
    """
    known = track.confidence > 0
    # Each axis separately takes a third of the time of coordinate pairs.
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
                f"{outside:.0%} of the keypoints lie outside the frame of {width}×{height} pixels, but "
                f"almost none outside a frame of {height}×{width}: width and height are probably swapped "
                "({size}, or {swap_size} if the file contains the size)",
                "Give {size}, or {swap_size} if the file contains the size",
                size=(height, width),
                swap_size=True,
            )
    return _outside(outside, track) if outside > _MOST_OUTSIDE else None


def _beyond(values: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    return (values < 0) | (values > side)


def _share(weights: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float:
    """Return the share of the confidence of the chosen keypoints, in 0..1."""
    return float(weights @ chosen / weights.sum())


def _narrow(low: NDArray[np.float32], high: NDArray[np.float32], track: PoseTrack) -> DataError:
    found = (
        f"the keypoints span {low[0]:.2f} to {high[0]:.2f} in x and {low[1]:.2f} to {high[1]:.2f} in y, "
        f"expected pixels of frames of {track.info.width}×{track.info.height}: "
    )
    if (low >= -0.25).all() and (high <= 1.75).all() and (high > low).any():
        return DataError(found + "probably shares of the frame ({units})", "Give {units}", units="shares")
    if (np.abs([low, high]) <= 10).all() and (high > low).any():
        return DataError(
            found + "probably normalized, for example to shoulder widths, which cannot be undone",
            "Give the keypoints without normalization, in pixels or as shares of the frame",
        )
    return DataError(
        found + "too small for a signer", "Check whether they belong to these frames, and their source"
    )


def _outside(share: float, track: PoseTrack) -> DataError:
    return DataError(
        f"{share:.0%} of the keypoints lie outside the frame of {track.info.width}×{track.info.height} "
        "pixels, expected most of them inside: the frames were larger, or the units are different ({units})",
        "Give the true size with {size} or {videos}, or the units with {units}: pixels or shares",
        size=...,
        videos=...,
        units=...,
    )

"""A small form of a clip, so that a page can contain many: a few frames, one byte per coordinate."""

from __future__ import annotations

import base64
from typing import Final, TypedDict

import numpy as np

from masa_data.tracks.track import PoseTrack

MISSING: Final = 255
_STEPS: Final = 254
# A few outliers must not make the signer tiny; they are drawn at the edge.
_INSIDE: Final = (1, 99)  # percentiles
_MARGIN: Final = 0.08


class Moving(TypedDict):
    """The data that the page's script draws.

    Attributes:
        frames: number of frames.
        seconds: duration at the clip's own speed.
        points: base64 of (frames, 49, 2) bytes, x and y in 254ths of the drawn square; 255 = missing.
    """

    frames: int
    seconds: float
    points: str


def encode(track: PoseTrack, most_frames: int) -> Moving:
    """Reduce a clip to at most `most_frames` evenly distributed frames, in a square around its keypoints."""
    chosen = np.linspace(0, len(track) - 1, min(len(track), most_frames)).round().astype(int)
    keypoints = track.keypoints[chosen]
    seen = np.isfinite(keypoints[..., 0])
    stored = np.full(keypoints.shape, MISSING, np.uint8)
    if seen.any():
        low, high = np.percentile(keypoints[seen], _INSIDE, axis=0)
        side = max(float((high - low).max()) * (1 + 2 * _MARGIN), 1.0)
        shares = (keypoints[seen] - (low + high) / 2) / side + 0.5
        stored[seen] = np.rint(np.clip(shares, 0, 1) * _STEPS)
    span = float(track.time[-1] - track.time[0])
    seconds = span if span > 0 else len(track) / 25  # NaN if the source has no frame times
    return Moving(
        frames=len(chosen), seconds=round(seconds, 3), points=base64.b64encode(stored.tobytes()).decode()
    )

"""A made-up signer whose every keypoint is known, for tests of what tracks can have wrong with them."""

from __future__ import annotations

import numpy as np

from masa_data.tracks.track import ClipInfo, PoseTrack

SHOULDERS = 120.0  # pixels from one to the other


def signing(frames: int = 30, *, size: float = 60, seed: int = 0) -> np.ndarray:
    """(frames, 49, 2) pixels: both wrists on smooth closed paths of `size` pixels, which `seed` chooses."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.linspace(0, 1, frames)[:, None, None]
    phases = rng.uniform(0, 2 * np.pi, (1, 2, 2))
    speeds = rng.integers(1, 3, (1, 2, 2))
    wrists = np.array([[400, 260], [240, 260]]) + size * np.sin(speeds * angle + phases)
    points = np.empty((frames, 49, 2))
    points[:, 0] = (320, 90)
    points[:, 1], points[:, 4] = (380, 160), (260, 160)
    for side, (elbow, wrist, hand) in enumerate(((2, 3, 7), (5, 6, 28))):
        points[:, wrist] = wrists[:, side]
        points[:, elbow] = (points[:, elbow - 1] + points[:, wrist]) / 2 + (0, 30)
        fingers = np.stack(np.meshgrid(np.arange(5) * 8 - 16, -np.arange(1, 5) * 8, indexing="ij"), axis=-1)
        points[:, hand] = points[:, wrist]
        points[:, hand + 1 : hand + 21] = points[:, wrist, None] + fingers.reshape(20, 2)
    return points


def clip(
    keypoints: np.ndarray,
    clip_id: str = "clip",
    *,
    missing: np.ndarray | None = None,
    fps: float = 25.0,
    **info: object,
) -> PoseTrack:
    """A track of these keypoints; `missing` (frames, 49) says which were not found."""
    frames = len(keypoints)
    confidence = np.full((frames, 49), 0.9)
    if missing is not None:
        confidence[missing] = 0
    facts = {"path": f"{clip_id}.mp4", "width": 640, "height": 480, "fps": fps, "end": frames} | info
    index = np.arange(frames)
    return PoseTrack.with_missing(ClipInfo(clip_id, **facts), keypoints, confidence, index, index / fps)

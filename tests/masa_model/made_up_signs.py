"""Signs that a network learns in seconds: a standing person whose right hand goes another way in each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import ClipInfo, PoseTrack

NETWORK = {"blocks": [8, 8, 8, 8, 8], "part": 8, "encoder_blocks": 1, "heads": 2, "hidden": 16}
# Enough to know all signs well before a short run ends, on any processor.
LARGER = NETWORK | {"blocks": [16, 16, 16, 32, 32], "part": 16, "hidden": 64}
GLOSSES = ("left", "right", "up", "down")
_WAYS = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])
_BODY = np.array([[320, 100], [400, 180], [420, 260], [400, 330], [240, 180], [220, 260], [260, 330]])
_HAND = np.random.default_rng(5).uniform(-30, 30, (21, 2))


def make_sign(clip_id: str, label: int, frames: int = 10, **info: object) -> PoseTrack:
    """One clip; every clip of a sign is a little different."""
    random = np.random.default_rng([*clip_id.encode()])
    path = _WAYS[label % 4] * np.linspace(0, 150, frames)[:, None]
    keypoints = np.zeros((frames, 49, 2))
    keypoints[:, :7] = _BODY
    keypoints[:, 7:28] = _BODY[3] + _HAND
    keypoints[:, 28:] = _BODY[6] + _HAND
    keypoints[:, 6] += path
    keypoints[:, 28:] += path[:, None]
    keypoints += random.normal(0, 2, keypoints.shape) + random.normal(0, 5, 2)
    facts = {
        "path": f"{clip_id}.mp4",
        "corpus": "made-up",
        "gloss": GLOSSES[label % 4],
        "label": label,
        "width": 640,
        "height": 480,
        "fps": 25.0,
    }
    index = np.arange(frames)
    return PoseTrack.with_missing(
        ClipInfo(clip_id, **(facts | info)), keypoints, np.full((frames, 49), 0.9), index, index / 25
    )


def signs(train: int = 6, val: int = 2, test: int = 3) -> list[PoseTrack]:
    """So many clips of each of the four signs in each split, of different lengths."""
    return [
        make_sign(
            f"{split}/{GLOSSES[label]}{take}",
            label,
            frames=8 + 3 * (take % 3),
            split=split,
            signer=f"s{take % 2}",
        )
        for split, count in (("train", train), ("val", val), ("test", test))
        for label in range(4)
        for take in range(count)
    ]


def write(path: Path, provenance: Provenance, tracks: list[PoseTrack]) -> Path:
    """A file of them."""
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path

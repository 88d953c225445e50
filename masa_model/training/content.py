"""Content keys of clips, which identify the same clip under another name or in another file."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from masa_data.shards.dataset import PoseDataset


def content_keys(clips: PoseDataset) -> NDArray[np.int64]:
    """Compute keys that identify clips by content, independent of ids, labels, splits and files.

    Args:
        clips: N clips.

    Returns:
        (N, 2) keys: one of the keypoints, and one of the source video, if it is known.
    """
    frames = (clips.column("crc32").astype(np.int64) << 24) ^ clips.lengths
    sources = frames.copy()
    columns = [clips.column(name).tolist() for name in ("source_sha256", "start", "end")]
    for number, (sha256, start, end) in enumerate(zip(*columns, strict=True)):
        if sha256:
            digest = hashlib.sha256(f"{sha256} {start} {end}".encode()).digest()
            sources[number] = int.from_bytes(digest[:8], "big", signed=True)
    return np.stack([frames, sources], 1)


def seen_before(clips: PoseDataset, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find clips that are the same as clips seen before.

    Args:
        clips: N clips.
        keys: (n, 2) `content_keys` of the clips seen before.

    Returns:
        (N,) whether each clip was seen before.
    """
    return np.asarray(np.isin(content_keys(clips), keys).any(1))

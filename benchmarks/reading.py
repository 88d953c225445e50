"""How long a random clip takes to read from a warm file on one core. Must be at most 0.1 ms."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from masa_data import ClipInfo, PoseShards, PoseTrack
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import EstimatorIdentity, Provenance

CLIPS = 20_000
FRAMES = 60
PROVENANCE = Provenance(
    estimator=EstimatorIdentity(name="noise", version="0", settings={}, weights_sha256="", confidence=""),
    tool_version="0",
)


def write_noise(path: Path, clips: int) -> None:
    """A dataset of random keypoints, a tenth of them missing."""
    chance = np.random.default_rng(0)
    stored = []
    for _ in range(50):
        confidence = chance.random((FRAMES, 49)) * (chance.random((FRAMES, 49)) > 0.1)
        track = PoseTrack.with_missing(
            ClipInfo("a", "clip.mp4", "folder", "gloss", 0, "train", width=1920, height=1080, end=FRAMES),
            chance.uniform(0, 1080, (FRAMES, 49, 2)),
            confidence,
            np.arange(FRAMES),
            np.arange(FRAMES) / 25,
        )
        stored.append(quantize(track))
    tracks = (
        replace(stored[number % 50], info=replace(stored[number % 50].info, id=f"clip{number}"))
        for number in range(clips)
    )
    write_shard(path, PROVENANCE, tracks, clips * FRAMES)


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.h5"
        write_noise(path, CLIPS)
        size = path.stat().st_size
        print(f"{CLIPS:,} clips of {FRAMES} frames: {size / CLIPS / FRAMES:.1f} bytes a frame, all told")
        order = np.random.default_rng(1).permutation(CLIPS).tolist()
        with PoseShards.open(path) as tracks:
            for _ in range(2):  # the first round warms the file
                start = time.perf_counter()
                for number in order:
                    tracks.track(number)
                each = (time.perf_counter() - start) / CLIPS
        print(f"a random clip, in pixels and checked: {each * 1e3:.3f} ms (at most 0.1)")

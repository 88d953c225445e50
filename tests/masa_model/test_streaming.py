"""A million clips: training starts soon, and memory does not grow with what was read. Writes 1.9 GB."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.track import ClipInfo, PoseTrack

CLIPS, FRAMES = 1_000_000, 6

# In a process of its own, so that only its memory is measured. Mapped pages count: a job is charged for them.
STREAM = """
import sys, time
from pathlib import Path
import psutil, torch
torch.set_num_threads(1)
from masa_model.training.pretrain import pretrain
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.data import open_training_data
from masa_model.training.processes import Processes
from masa_model.training.run_folder import RunFolder

settings = PretrainSettings(size="tiny", data={"storage": "stream"})
data = open_training_data([Path(sys.argv[1])], settings.data.splits)
data.record()
folder = RunFolder.create("pretrain", Path(sys.argv[2]))
peaks = {}
for number, _ in enumerate(pretrain(settings, data, folder, Processes(0, 1, torch.device("cpu")))):
    if number == 0:
        print(time.process_time())  # as on a machine that has nothing else to do
    memory = psutil.Process().memory_info().rss / 2**20
    peaks[number // 48] = max(peaks.get(number // 48, 0), memory)
    if number == 191:
        break
print(*peaks.values())
"""


@pytest.mark.slow
def test_a_million_clips(tmp_path, provenance):
    rng = np.random.default_rng(0)
    track = quantize(
        PoseTrack.with_missing(
            ClipInfo("a", "clip.mp4", "made", "gloss", 0, "train", width=640, height=480, end=FRAMES),
            rng.uniform(0, 480, (FRAMES, 49, 2)),
            np.ones((FRAMES, 49)),
            np.arange(FRAMES),
            np.arange(FRAMES) / 25,
        )
    )
    tracks = (replace(track, info=replace(track.info, id=f"clip{n}")) for n in range(CLIPS))
    write_shard(tmp_path / "out.h5", provenance, tracks, CLIPS * FRAMES)
    done = subprocess.run(
        [sys.executable, "-c", STREAM, tmp_path / "out.h5", tmp_path / "run"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    start, peaks = done.stdout.splitlines()
    print(f"first step after {float(start):.1f} s; peak memory by quarter: {peaks} MiB")
    assert float(start) < 10
    first, *later = map(float, peaks.split())
    assert max(later) < 1.1 * first

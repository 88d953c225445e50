"""Clips of random keypoints, and of what goes wrong with clips."""

import os

import numpy as np
import pytest
import torch

from masa_model.inputs.batch import RawClips

WIDTH, HEIGHT = 256.0, 192.0


def make_clip(frames, seed=0, *, step=3.0, missing=0.1):
    """(T, 49, 2) keypoints that walk about, (T, 49) confidence."""
    rng = np.random.default_rng([seed, frames])
    start = rng.uniform(40, 150, (1, 49, 2))
    keypoints = start + np.cumsum(rng.normal(0, step, (frames, 49, 2)), axis=0)
    confidence = rng.uniform(0.05, 1, (frames, 49)) * (rng.random((frames, 49)) > missing)
    confidence[:, :7] = rng.uniform(0.7, 1, (frames, 7))
    return keypoints.astype(np.float32), confidence.astype(np.float32)


def awkward_clips():
    """Clips that each lack something."""
    clips = {"plain": make_clip(20, 1), "long": make_clip(35, 2, step=6)}
    clips["fast and sure"] = (make_clip(25, 10, step=30)[0], np.ones((25, 49), np.float32))
    clips["one frame"] = make_clip(1, 3)
    clips["as long as k"] = make_clip(3, 4)
    keypoints, confidence = make_clip(12, 5)
    clips["nothing seen"] = (keypoints, confidence * 0)
    keypoints, confidence = make_clip(12, 6)
    confidence[:, 28:] = 0
    confidence[:, 4:7] = 0.5
    clips["no right hand"] = (keypoints, confidence)
    keypoints, confidence = make_clip(12, 7)
    clips["stands still"] = (np.repeat(keypoints[:1], 12, axis=0), np.ones_like(confidence))
    keypoints, confidence = make_clip(18, 8)
    confidence[::3, 7:] = 0
    confidence[::3, 1:7] = 0.5
    clips["hands come and go"] = (keypoints, confidence)
    keypoints, confidence = make_clip(12, 9)
    confidence[4:8, 7:28] = 0
    confidence[:, 1:4] = 0.95
    clips["a hand by its arm"] = (keypoints, confidence)
    return clips


def packed(clips, dtype=torch.float32, width=WIDTH, height=HEIGHT):
    """Several clips one after the other."""
    lengths = torch.tensor([len(keypoints) for keypoints, _ in clips])
    return RawClips(
        torch.from_numpy(np.concatenate([keypoints for keypoints, _ in clips])).permute(1, 2, 0).to(dtype),
        torch.from_numpy(np.concatenate([confidence for _, confidence in clips])).T.contiguous().to(dtype),
        torch.tensor([[width], [height]], dtype=dtype).expand(2, len(clips)).contiguous(),
        lengths,
        torch.arange(len(clips)) + 100,
    )


def unpacked(batch, values):
    """Packed (…, frames) to a list of (T, …) arrays, one a clip."""
    frames_first = values.movedim(-1, 0).numpy()
    ends = np.cumsum(batch.lengths.numpy())
    return np.split(frames_first, ends[:-1])


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors: threads only get in each other's way, and tests already run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("MASA_TEST_THREADS", 1)))
    yield
    torch.set_num_threads(before)

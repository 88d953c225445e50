"""Where batches of stored clips come from: mapped files, or memory (the machine's or the GPU's)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import STEPS_PER_SIDE, quantize
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.batch import SIDE, RawClips
from masa_model.settings.choices import Storage

_BYTES_PER_FRAME: Final = NUM_KEYPOINTS * 5
# Of what is free, data may take this share.
_SHARE_OF_MEMORY: Final = 0.25
_BATCHES_READ_AHEAD: Final = 4
# Mapped pages are given back after so many batches: a job whose memory is limited would be charged for them.
_BATCHES_KEPT: Final = 16
_READERS: Final = 2


class StreamedClips:
    """Reads each batch from the mapped files, some batches ahead of the training."""

    def __init__(self, dataset: PoseDataset, device: torch.device) -> None:
        self.device = device
        self._dataset = dataset
        self._frame_size = frame_sizes(dataset)

    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[RawClips]:
        """A batch for each array of clip numbers, in order."""
        remaining = iter(numbers)
        with ThreadPoolExecutor(_READERS) as readers:
            waiting: list[Future[RawClips]] = [
                readers.submit(self.read, wanted) for wanted in islice(remaining, _BATCHES_READ_AHEAD)
            ]
            try:
                for count in itertools.count(1):
                    if not waiting:
                        break
                    ready = waiting.pop(0).result()
                    if count % _BATCHES_KEPT == 0:
                        self._dataset.forget_pages()
                    waiting += [readers.submit(self.read, wanted) for wanted in islice(remaining, 1)]
                    yield ready.to(self.device)
            finally:  # a caller that stops early does not wait for what it will not use
                for future in waiting:
                    future.cancel()

    def read(self, numbers: NDArray[np.int64]) -> RawClips:
        """One batch, on the CPU."""
        positions, confidence = self._dataset.frames_of(numbers)
        return restore(
            torch.from_numpy(positions.view(np.int16)),
            torch.from_numpy(confidence),
            torch.from_numpy(self._frame_size[:, numbers]),
            torch.from_numpy(self._dataset.lengths[numbers]),
            torch.from_numpy(numbers),
        )


class ClipsInMemory:
    """Holds all clips on a device as they are stored, and picks batches out of them there."""

    def __init__(self, dataset: PoseDataset, device: torch.device) -> None:
        self.device = device
        starts = np.concatenate([[0], np.cumsum(dataset.lengths)])
        positions = torch.empty((int(starts[-1]), NUM_KEYPOINTS, 2), dtype=torch.int16, device=device)
        confidence = torch.empty((int(starts[-1]), NUM_KEYPOINTS), dtype=torch.uint8, device=device)
        for first in range(0, len(dataset), 1024):
            numbers = np.arange(first, min(first + 1024, len(dataset)))
            frames = slice(int(starts[first]), int(starts[numbers[-1] + 1]))
            found_positions, found_confidence = dataset.frames_of(numbers)
            positions[frames] = torch.from_numpy(found_positions.view(np.int16)).to(device)
            confidence[frames] = torch.from_numpy(found_confidence).to(device)
        self._positions, self._confidence = positions, confidence
        self._frame_size = torch.from_numpy(frame_sizes(dataset)).to(device)
        self._starts = torch.from_numpy(starts).to(device)

    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[RawClips]:
        """A batch for each array of clip numbers, in order."""
        for wanted in numbers:
            clips = torch.from_numpy(wanted).to(self.device)
            starts = self._starts[clips]
            lengths = self._starts[clips + 1] - starts
            before = torch.cumsum(lengths, 0) - lengths
            frames = torch.repeat_interleave(starts - before, lengths)
            frames += torch.arange(frames.shape[0], device=self.device)
            yield restore(
                self._positions.index_select(0, frames),
                self._confidence.index_select(0, frames),
                self._frame_size[:, clips],
                lengths,
                clips,
            )


ClipSource: TypeAlias = StreamedClips | ClipsInMemory


def open_source(dataset: PoseDataset, device: torch.device, storage: Storage = "auto") -> ClipSource:
    """Choose where the clips are held while training: on the GPU if they fit, else in memory, else on disk.

    Args:
        dataset: the clips.
        device: where training runs.
        storage: a choice of one's own.
    """
    needed = int(dataset.lengths.sum()) * _BYTES_PER_FRAME
    if storage == "auto":
        if device.type == "cuda" and needed < _SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0]:
            storage = "gpu"
        elif needed < _SHARE_OF_MEMORY * psutil.virtual_memory().available:
            storage = "memory"
        else:
            storage = "stream"
    if storage == "stream":
        return StreamedClips(dataset, device)
    return ClipsInMemory(dataset, device)


def restore(
    positions: Tensor, confidence: Tensor, frame_size: Tensor, lengths: Tensor, numbers: Tensor
) -> RawClips:
    """Stored frames, (F, 49, 2) int16 bit patterns and (F, 49) uint8, as joint-major floats (RawClips)."""
    steps = positions.permute(1, 2, 0).contiguous().to(torch.int32).bitwise_and_(0xFFFF)
    keypoints = steps.to(torch.float32).mul_(SIDE / STEPS_PER_SIDE).sub_(SIDE)
    sure = confidence.T.contiguous().to(torch.float32).mul_(1 / 255)
    return RawClips(keypoints, sure, frame_size, lengths, numbers)


def raw_clips(tracks: Sequence[PoseTrack]) -> RawClips:
    """Tracks as a batch, rounded to the file's steps: a clip gives the same answer from a file and without.

    Args:
        tracks: at least one.
    """
    stored = [quantize(track) for track in tracks]
    sizes = np.array([(track.info.width, track.info.height) for track in tracks], np.float32).T
    return restore(
        torch.from_numpy(np.concatenate([clip.positions for clip in stored]).view(np.int16)),
        torch.from_numpy(np.concatenate([clip.confidence for clip in stored])),
        torch.from_numpy(sizes * (SIDE / sizes.max(0)).astype(np.float32)),
        torch.tensor([len(track) for track in tracks]),
        torch.arange(len(tracks)),
    )


def frame_sizes(dataset: PoseDataset) -> NDArray[np.float32]:
    """(2, N) width and height of each clip's frames, the longer one 256."""
    size = np.stack([dataset.column("width"), dataset.column("height")]).astype(np.float32)
    return np.asarray(size * (SIDE / size.max(0)), np.float32)


def epoch_batches(
    clips: int, batch_size: int, seed: int, epoch: int, part: int = 0, parts: int = 1
) -> Sequence[NDArray[np.int64]]:
    """The clip numbers of each step of an epoch: a pure function of what it is given.

    Every epoch is shuffled anew; what does not fill a last batch is left out, others each time. With fewer
    clips than a batch holds, the batch is as large as the clips.

    Args:
        clips: their number.
        batch_size: clips of a step, over all processes.
        seed: of the run.
        epoch: from 0.
        part: this process, from 0.
        parts: how many share each batch; each gets `batch_size / parts` neighboring clips of it.
    """
    batch_size = min(batch_size, clips - clips % parts)
    order = np.random.Generator(np.random.PCG64([seed, epoch])).permutation(clips)
    steps = clips // batch_size
    share = batch_size // parts
    batches = order[: steps * batch_size].reshape(steps, parts, share)[:, part]
    return list(batches)

"""Sources of batches of stored clips: memory-mapped files or main memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeAlias, TypeVar

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from masa_data.machine.cores import available_cores
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import STEPS_PER_SIDE, quantize
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.batch import SIDE, Group, RawClips
from masa_model.inputs.mixing import Mixture
from masa_model.settings.choices import Storage

_BYTES_PER_FRAME: Final = NUM_KEYPOINTS * 5
# Clips are kept in memory only if they need less than this fraction of the free memory.
_SHARE_OF_MEMORY: Final = 0.25
# Mapped pages are released after this many batches, because they count towards the memory limit of a job.
_BATCHES_KEPT: Final = 16
_FEWEST_READERS, _MOST_READERS = 2, 6
_CORES_PER_READER: Final = 3

Prepared = TypeVar("Prepared")


class StreamedClips:
    """A clip source that reads batches from memory-mapped files."""

    def __init__(self, dataset: PoseDataset) -> None:
        self._dataset = dataset
        self._frame_size = frame_sizes(dataset)

    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[RawClips]:
        """Yield a batch for each array of clip numbers, in the given order, read some batches ahead."""
        return prepared(self, numbers, lambda raw: raw)

    def read(self, numbers: NDArray[np.int64]) -> RawClips:
        """Read one batch."""
        positions, confidence = self._dataset.frames_of(numbers)
        return restore(
            torch.from_numpy(positions.view(np.int16)),
            torch.from_numpy(confidence),
            torch.from_numpy(self._frame_size[:, numbers]),
            torch.from_numpy(self._dataset.lengths[numbers]),
            torch.from_numpy(numbers),
        )

    def forget(self) -> None:
        """Release the pages of the files that were read, because they count towards the memory of a job."""
        self._dataset.forget_pages()


class ClipsInMemory:
    """A clip source that keeps all clips in main memory, in their stored form."""

    def __init__(self, dataset: PoseDataset) -> None:
        starts = np.concatenate([[0], np.cumsum(dataset.lengths)])
        positions = torch.empty((int(starts[-1]), NUM_KEYPOINTS, 2), dtype=torch.int16)
        confidence = torch.empty((int(starts[-1]), NUM_KEYPOINTS), dtype=torch.uint8)
        for first in range(0, len(dataset), 1024):
            numbers = np.arange(first, min(first + 1024, len(dataset)))
            frames = slice(int(starts[first]), int(starts[numbers[-1] + 1]))
            found_positions, found_confidence = dataset.frames_of(numbers)
            positions[frames] = torch.from_numpy(found_positions.view(np.int16))
            confidence[frames] = torch.from_numpy(found_confidence)
        self._positions, self._confidence = positions, confidence
        self._frame_size = torch.from_numpy(frame_sizes(dataset))
        self._starts = torch.from_numpy(starts)

    def read(self, numbers: NDArray[np.int64]) -> RawClips:
        """Select one batch."""
        clips = torch.from_numpy(numbers)
        starts = self._starts[clips]
        lengths = self._starts[clips + 1] - starts
        before = torch.cumsum(lengths, 0) - lengths
        frames = torch.repeat_interleave(starts - before, lengths)
        frames += torch.arange(frames.shape[0])
        return restore(
            self._positions.index_select(0, frames),
            self._confidence.index_select(0, frames),
            self._frame_size[:, clips],
            lengths,
            clips,
        )

    def forget(self) -> None:
        """Do nothing: no page of a file is kept."""


ClipSource: TypeAlias = StreamedClips | ClipsInMemory


def open_source(dataset: PoseDataset, storage: Storage = "auto") -> ClipSource:
    """Open a clip source: in main memory if the clips fit, else on disk.

    Args:
        dataset: the clips.
        storage: where the clips are kept; "auto" applies the rule above.

    Returns:
        the clip source.
    """
    if storage == "auto":
        needed = int(dataset.lengths.sum()) * _BYTES_PER_FRAME
        fits = needed < _SHARE_OF_MEMORY * psutil.virtual_memory().available
        storage = "memory" if fits else "stream"
    return StreamedClips(dataset) if storage == "stream" else ClipsInMemory(dataset)


def prepared(
    source: ClipSource, numbers: Iterable[NDArray[np.int64]], prepare: Callable[[RawClips], Prepared]
) -> Iterator[Prepared]:
    """Read and prepare batches in threads, some batches ahead of whoever uses them.

    Args:
        source: the clips.
        numbers: clip numbers of each batch.
        prepare: function that is applied to each batch, in a thread. Its result must not depend on the order
            of calls.

    Yields:
        the results, in the given order.
    """
    remaining = iter(numbers)
    # On a machine with few cores they also train.
    readers = min(max(available_cores() // _CORES_PER_READER, _FEWEST_READERS), _MOST_READERS)

    def ready(wanted: NDArray[np.int64]) -> Prepared:
        return prepare(source.read(wanted))

    with ThreadPoolExecutor(readers) as threads:
        waiting: list[Future[Prepared]] = [
            threads.submit(ready, wanted) for wanted in islice(remaining, 2 * readers)
        ]
        try:
            for count in itertools.count(1):
                if not waiting:
                    break
                result = waiting.pop(0).result()
                if count % _BATCHES_KEPT == 0:
                    source.forget()
                waiting += [threads.submit(ready, wanted) for wanted in islice(remaining, 1)]
                yield result
        finally:  # a caller that stops early does not wait for unused batches
            for future in waiting:
                future.cancel()


def prepared_on(
    source: ClipSource,
    numbers: Iterable[NDArray[np.int64]],
    prepare: Callable[[RawClips], Group],
    device: torch.device,
) -> Iterator[Group]:
    """Yield `prepared` batches on a device; the host does not wait until they are copied to a GPU.

    Args:
        source: the clips.
        numbers: clip numbers of each batch.
        prepare: function that is applied to each batch, on the host.
        device: device that uses the batches.
    """

    def ready(raw: RawClips) -> Group:
        batch = prepare(raw)
        return batch.pinned() if device.type == "cuda" else batch

    for batch in prepared(source, numbers, ready):
        yield batch.to(device)


def restore(
    positions: Tensor, confidence: Tensor, frame_size: Tensor, lengths: Tensor, numbers: Tensor
) -> RawClips:
    """Convert stored frames, (F, 49, 2) int16 bit patterns and (F, 49) uint8, to joint-major RawClips."""
    steps = positions.permute(1, 2, 0).contiguous().view(torch.uint16)
    keypoints = steps.to(torch.float32).mul_(SIDE / STEPS_PER_SIDE).sub_(SIDE)
    sure = confidence.T.contiguous().to(torch.float32).mul_(1 / 255)
    return RawClips(keypoints, sure, frame_size, lengths, numbers)


def raw_clips(tracks: Sequence[PoseTrack]) -> RawClips:
    """Convert tracks to a batch, rounded as in a file, so that results do not depend on storing a clip.

    Args:
        tracks: the tracks, at least one.

    Returns:
        the clips; their numbers are their indices in `tracks`.
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
    """Return the frame sizes of the clips: (2, N) width and height, scaled so that the longer side is 256."""
    size = np.stack([dataset.column("width"), dataset.column("height")]).astype(np.float32)
    return np.asarray(size * (SIDE / size.max(0)), np.float32)


def epoch_batches(
    clips: int | Mixture, batch_size: int, seed: int, epoch: int, part: int = 0, parts: int = 1
) -> Sequence[NDArray[np.int64]]:
    """Return the clip numbers of each step of an epoch, which depend only on the arguments.

    Each epoch has a new random order. Clips that do not fill the last batch are left out, different ones in
    each epoch. If there are fewer clips than `batch_size`, one batch contains all clips.

    Args:
        clips: number of clips, each of which is used once; or a mixture of corpora.
        batch_size: number of clips of a step, over all processes.
        seed: seed of the run.
        epoch: number of the epoch, from 0.
        part: number of this process, from 0.
        parts: number of processes that share each batch; each gets `batch_size / parts` neighboring clips.

    Returns:
        for each step, the clip numbers of this process.
    """
    count = clips if isinstance(clips, int) else len(clips)
    batch_size = min(batch_size, count - count % parts)
    if isinstance(clips, int):
        order = np.random.Generator(np.random.PCG64([seed, epoch])).permutation(clips)
    else:
        order = clips.order(seed, epoch)
    steps = count // batch_size
    share = batch_size // parts
    batches = order[: steps * batch_size].reshape(steps, parts, share)[:, part]
    return list(batches)

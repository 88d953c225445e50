"""MMPose's top-down whole-body models, with many frames per batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.estimators.base import Estimate
from masa_data.estimators.mmpose.config import ModelFacts, Precision
from masa_data.estimators.mmpose.detector import PersonDetector
from masa_data.estimators.mmpose.models import find_model
from masa_data.estimators.mmpose.network import TopDownNetwork
from masa_data.estimators.mmpose.options import (
    MMPoseOptions,
    check_installed,
    checkpoint_of,
    detector_checkpoint_of,
    mmpose_identity,
    settle_person,
)
from masa_data.estimators.prefetch import prefetched
from masa_data.estimators.signer.signer import (
    STRETCH,
    estimate_by_detection,
    estimate_by_following,
    estimate_in_box,
)
from masa_data.machine import gpu
from masa_data.machine.cores import available_cores
from masa_data.tracks.box import Box, resolve_box
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.skeleton import NUM_KEYPOINTS

# On a CPU, larger batches are not faster; on a GPU, the batch uses up to this share of the free memory.
_CPU_BATCH_PIXELS: Final = 8 * 256 * 192
_GPU_MEMORY_SHARE: Final = 0.5
_GPU_MAX_BATCH: Final = 256
_GPU_TRIAL_BATCH: Final = 8

# Messages of torch and oneDNN when a CPU runs out of memory; there is no exception class for it.
_OUT_OF_MEMORY: Final = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "could not create a memory",
    "could not create a primitive",
)


class MMPoseTopDown:
    """A top-down model that estimates the 49 keypoints of one person inside a box.

    Args:
        options: the model and its options.
        device: "cpu", "cuda" or one of several GPUs, "cuda:1".

    Attributes:
        facts: values of the model's configuration.
        batch_size: number of frames per batch; None until the first frames show what a GPU's memory allows.
        raw_scores: lowest and highest score of MMPose in the last clip.

    Raises:
        DataError: if the model, its weights or the device cannot be used.
    """

    def __init__(self, options: MMPoseOptions, device: str = "cpu") -> None:
        _check_device(device, options.precision)
        options, _ = settle_person(options)
        card = find_model(options.model)
        checkpoint = checkpoint_of(options)
        self._options = options
        self._identity = mmpose_identity(options)
        self._network = TopDownNetwork(card, checkpoint, device, options.flip_test, options.precision)
        self._detector = PersonDetector(detector_checkpoint_of(options), device) if options.detects else None
        self.facts = self._network.facts
        self.raw_scores: tuple[float, float] | None = None
        self.batch_size = options.batch_size
        if self.batch_size is None and device == "cpu":
            width, height = self.facts.input_size
            self.batch_size = max(1, _CPU_BATCH_PIXELS // (width * height))

    @property
    def identity(self) -> EstimatorIdentity:
        """The identity of the estimator, as recorded in every file."""
        return self._identity

    def estimate(self, images: Iterable[NDArray[np.uint8]], annotated: Box | None) -> Iterator[Estimate]:
        """Yield the keypoints of one clip, frame by frame; `person` in the options says where to search.

        Frames are decoded in advance while the network works.

        Raises:
            DataError: if the person is to be in an annotated box and there is none.
        """
        self.raw_scores = None
        person = self._options.person
        if person == "annotated" and annotated is None:
            raise DataError("the corpus has no box for this clip", "Give {person}", person="auto")
        at_a_time = self.batch_size or _GPU_TRIAL_BATCH
        ahead = prefetched(images, 2 * max(at_a_time, STRETCH))
        first = next(ahead, None)
        if first is None:
            return
        frames = chain([first], ahead)
        if person == "whole-frame":
            yield from estimate_in_box(frames, None, self._find, at_a_time)
        elif person != "detect" and annotated is not None:
            crop = resolve_box(annotated, first.shape[1], first.shape[0])
            box = np.array([crop.x0, crop.y0, crop.x1, crop.y1], np.float32)
            yield from estimate_in_box(frames, box, self._find, at_a_time)
        elif self._detector is not None:
            yield from estimate_by_detection(frames, self._find, self._detector.detect)
        else:
            yield from estimate_by_following(frames, self._find)

    def _find(
        self, images: Sequence[NDArray[np.uint8]], boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        keypoints, scores = self.estimate_batch(images, boxes)
        lowest, highest = self.raw_scores or (math.inf, -math.inf)
        self.raw_scores = min(lowest, float(scores.min())), max(highest, float(scores.max()))
        return keypoints, self.confidence(scores)

    def estimate_batch(
        self, images: Sequence[NDArray[np.uint8]], boxes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Estimate the keypoints of one person in each of several frames, of one clip or of several.

        If a batch does not fit into memory, the batch size is halved, also for later batches.

        Args:
            images: B frames of any sizes, (height, width, 3) blue-green-red.
            boxes: (B, 4) x0, y0, x1, y1 of the person in each frame, in pixels.

        Returns:
            (B, 49, 2) keypoints in pixels, and their (B, 49) scores as MMPose returns them.

        Raises:
            DataError: if not even one frame fits into memory.
        """
        keypoints = np.zeros((len(images), NUM_KEYPOINTS, 2), np.float32)
        scores = np.zeros((len(images), NUM_KEYPOINTS), np.float32)
        crops = [self._network.crop(image, box) for image, box in zip(images, boxes, strict=True)]
        if crops and self.batch_size is None:
            self.batch_size = self._measured_batch_size(crops[0].pixels)
        done = 0
        while done < len(crops):
            rows = slice(done, min(done + (self.batch_size or 1), len(crops)))
            found = self._find_or_halve(np.stack([crop.pixels for crop in crops[rows]]))
            if found is not None:
                keypoints[rows], scores[rows] = found
                done = rows.stop
        if crops:
            keypoints = _to_frame(keypoints, self.facts, [c.center for c in crops], [c.size for c in crops])
        return keypoints, scores

    def confidence(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert MMPose's scores to 0..1 as the identity says; the shape is unchanged."""
        return np.asarray(np.clip(scores / np.float32(self.facts.target_peak), 0, 1), np.float32)

    def _find_or_halve(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Run the network; if memory is insufficient, halve the batch size and return None."""
        try:
            return self._network.find(pixels)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            if len(pixels) == 1:
                what = str(error).strip().partition("\n")[0]
                raise DataError(
                    f"not even one frame fits into memory ({what})",
                    "Free memory, or choose a smaller model with {model}",
                    model="fast",
                ) from error
        self.batch_size = len(pixels) // 2
        self._network.forget_memory()
        return None

    def _measured_batch_size(self, pixels: NDArray[np.uint8]) -> int:
        """Return how many frames fit into the GPU's free memory, measured with a few frames."""
        needed, free = self._network.memory_per_frame(np.stack([pixels] * _GPU_TRIAL_BATCH))
        fits = _GPU_MEMORY_SHARE * free / max(needed, 1.0)
        return int(min(max(fits, 1), _GPU_MAX_BATCH))


def why_no_gpu() -> str:
    """Return why torch cannot use a GPU; "" if it can."""
    import torch

    return gpu.why_no_gpu(torch.__version__, torch.version.cuda, torch.cuda.is_available())


def share_cores(workers: int) -> None:
    """Limit this process's network to its share of the machine's cores, among `workers` processes."""
    import torch

    torch.set_num_threads(max(1, available_cores() // workers))


def whole_frame_boxes(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return (B, 4) boxes around whole frames: x0, y0, x1, y1 in pixels."""
    return np.array([(0, 0, image.shape[1], image.shape[0]) for image in images], np.float32).reshape(-1, 4)


def _to_frame(
    keypoints: NDArray[np.float32],
    facts: ModelFacts,
    centers: Sequence[NDArray[np.float32]],
    sizes: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Convert (B, 49, 2) keypoints from pixels of the crops to pixels of the frames."""
    center, size = np.stack(centers)[:, None], np.stack(sizes)[:, None]
    placed = keypoints / np.array(facts.input_size, np.float32) * size + center - 0.5 * size
    return np.asarray(placed, np.float32)


def _check_device(device: str, precision: Precision) -> None:
    check_installed()
    if device == "cpu":
        if precision != "fp32":
            raise DataError(
                f"precision {precision} requires a GPU", "Leave out {precision} on the CPU", precision=...
            )
        return
    import torch

    if not torch.cuda.is_available():
        raise DataError(
            f"this torch ({torch.__version__}) finds no GPU",
            "Run masa-doctor, or leave out {device}",
            device=...,
        )


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether the memory of the GPU or the machine was insufficient."""
    import torch

    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return any(sign in str(error) for sign in _OUT_OF_MEMORY)

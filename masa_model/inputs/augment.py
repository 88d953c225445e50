"""Mild variation of training clips: the same sign, seen a little otherwise.

There is one draw a clip, the same for all its frames, so that motion stays motion.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from masa_data.tracks.skeleton import BODY, LEFT_HAND, MIRROR, NUM_KEYPOINTS, PARTS
from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.randomness import uniform
from masa_model.settings.pretrain import AugmentSettings

_ROTATION, _SCALE, _SHIFT, _DROP, _SWAP = 10, 11, 12, 13, 14
_MIRROR: Final = torch.from_numpy(MIRROR)


def augment(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Vary the clips of a batch.

    Args:
        batch: the clips; left as they are.
        settings: how much.
        seed: of the run and the epoch: each draw depends on it and the clip alone.
    """
    if settings.hand_swap:
        batch = _swapped(batch, uniform((*seed, _SWAP), batch.numbers) < settings.hand_swap)
    if settings.joint_drop:
        batch = _dropped(batch, settings.joint_drop, seed)
    if settings.rotation or settings.scale or settings.shift:
        batch = _moved(batch, settings, seed)
    return batch


def two_views(
    batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]
) -> tuple[PoseBatch, PoseBatch]:
    """The same clips as the query and as the key branch sees them, each varied by its own draws."""
    return augment(batch, settings, (*seed, 0)), augment(batch, settings, (*seed, 1))


def with_noise(batch: PoseBatch, sigma: float, seed: int | None = None) -> PoseBatch:
    """Add Gaussian noise to every keypoint that is seen (Table XIII).

    Args:
        batch: the clips; left as they are.
        sigma: standard deviation of the noise, in 1/256 of a part's side.
        seed: seed of the noise, which then is the same on every device; it also depends on the first clip of
            the batch. None = torch's own generator, as in training.
    """
    seen = (batch.confidence > 0)[:, None]
    if seed is None:
        noise = torch.randn_like(batch.coordinates)
    else:
        generator = torch.Generator().manual_seed(hash((seed, int(batch.numbers[0]))) & 0x7FFFFFFF)
        shape, dtype = batch.coordinates.shape, batch.coordinates.dtype
        noise = torch.randn(shape, generator=generator, dtype=dtype).to(batch.coordinates.device)
    return replace(batch, coordinates=batch.coordinates + noise.mul_(sigma) * seen)


def _swapped(batch: PoseBatch, clips: Tensor) -> PoseBatch:
    """Some clips as in a mirror. The left hand is mirrored already (parts.py): hands just change places."""
    frames = clips[batch.clip]
    coordinates = batch.coordinates[_MIRROR.to(frames.device)]
    coordinates[BODY, 0] *= -1
    return replace(
        batch,
        coordinates=torch.where(frames, coordinates, batch.coordinates),
        confidence=torch.where(frames, batch.confidence[_MIRROR.to(frames.device)], batch.confidence),
        hand_present=torch.where(frames, batch.hand_present.flip(0), batch.hand_present),
    )


def _dropped(batch: PoseBatch, share: float, seed: tuple[int, ...]) -> PoseBatch:
    """Some keypoints of each clip are missing throughout."""
    keypoints = torch.arange(NUM_KEYPOINTS, device=batch.clip.device)
    chance = uniform(
        (*seed, _DROP),
        batch.numbers.repeat_interleave(NUM_KEYPOINTS),
        keypoints.repeat(batch.clips),
    )
    kept = (chance >= share).view(batch.clips, NUM_KEYPOINTS).T[:, batch.clip]
    return replace(batch, coordinates=batch.coordinates * kept[:, None], confidence=batch.confidence * kept)


def _moved(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Turn each clip's parts by one angle, scale each by a factor of its own, shift the body."""
    angle = math.radians(settings.rotation) * _signed(batch, (*seed, _ROTATION))
    cos, sin = angle.cos()[batch.clip], angle.sin()[batch.clip]
    coordinates = torch.empty_like(batch.coordinates)
    for number, rows in enumerate(PARTS.values()):
        factor = 1 + settings.scale * _signed(batch, (*seed, _SCALE, number))[batch.clip]
        x, y = batch.coordinates[rows].unbind(1)
        turn = -sin if rows == LEFT_HAND else sin  # what is mirrored turns the other way
        coordinates[rows, 0] = factor * (cos * x - turn * y)
        coordinates[rows, 1] = factor * (turn * x + cos * y)
    for axis in range(2):
        coordinates[BODY, axis] += settings.shift * _signed(batch, (*seed, _SHIFT, axis))[batch.clip]
    return replace(batch, coordinates=coordinates * (batch.confidence > 0)[:, None])


def _signed(batch: PoseBatch, seed: tuple[int, ...]) -> Tensor:
    """A number in −1..1 for each clip."""
    return 2 * uniform(seed, batch.numbers) - 1

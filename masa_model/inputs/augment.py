"""Augmentation: small random variation of training clips that does not change the sign.

The random values are drawn once for each clip and are the same in all of its frames, so that augmentation
adds no motion. Changes of time are in retiming.py.
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
from masa_model.inputs.retiming import retime
from masa_model.settings.augment import AugmentSettings

_ROTATION, _SCALE, _SHIFT, _DROP, _SWAP, _STRETCH, _PART = 10, 11, 12, 13, 14, 15, 16
_MIRROR: Final = torch.from_numpy(MIRROR)


def augment(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Vary where the keypoints are, and which of them are there; see `retime` for their time.

    Args:
        batch: the clips; they are not modified.
        settings: settings of the augmentation.
        seed: seed of the run and number of the epoch; the random values depend only on it and on the clip.

    Returns:
        the augmented clips.
    """
    if settings.hand_swap:
        batch = _swapped(batch, uniform((*seed, _SWAP), batch.numbers) < settings.hand_swap)
    if settings.part_drop:
        batch = _without_parts(batch, settings.part_drop, seed)
    if settings.joint_drop:
        batch = _dropped(batch, settings.joint_drop, seed)
    if settings.stretch:
        batch = _stretched(batch, settings.stretch, seed)
    if settings.rotation or settings.scale or settings.shift:
        batch = _moved(batch, settings, seed)
    return batch


def query_view(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Augment clips for the query branch, in time and in space.

    Args:
        batch: the clips; they are not modified.
        settings: settings of the augmentation.
        seed: seed of the run and number of the epoch.
    """
    return _view(batch, settings, (*seed, 0))


def key_view(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Augment the same clips for the key branch, with other random values; arguments as for `query_view`."""
    return _view(batch, settings, (*seed, 1))


def _view(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    return augment(retime(batch, settings, seed), settings, seed)


def with_noise(batch: PoseBatch, sigma: float, seed: int | None = None) -> PoseBatch:
    """Add Gaussian noise to every visible keypoint (Table XIII).

    Args:
        batch: the clips; they are not modified.
        sigma: standard deviation σ of the noise, in 1/256 of a part's side.
        seed: seed of the noise, which is then the same on every device; the noise also depends on the first
            clip of the batch. None = torch's default generator, as in training.

    Returns:
        the clips with noise.
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
    """Mirror some clips. The left hand is already mirrored (parts.py), so hands are only exchanged."""
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
    """Remove some keypoints of each clip from all of its frames."""
    keypoints = torch.arange(NUM_KEYPOINTS, device=batch.clip.device)
    chance = uniform(
        (*seed, _DROP),
        batch.numbers.repeat_interleave(NUM_KEYPOINTS),
        keypoints.repeat(batch.clips),
    )
    kept = (chance >= share).view(batch.clips, NUM_KEYPOINTS).T[:, batch.clip]
    return replace(batch, coordinates=batch.coordinates * kept[:, None], confidence=batch.confidence * kept)


def _without_parts(batch: PoseBatch, share: float, seed: tuple[int, ...]) -> PoseBatch:
    """Remove the body, or a hand, from all frames of some clips, but not the only hand of a clip."""
    dropped = torch.stack(
        [uniform((*seed, _PART, part), batch.numbers) < share for part in range(len(PARTS))]
    )
    found = torch.zeros((2, batch.clips), dtype=torch.long, device=batch.clip.device)
    found.index_add_(1, batch.clip, batch.hand_present.long())
    dropped[1:] &= ((found > 0) & ~dropped[1:]).any(0)
    kept = ~dropped[:, batch.clip]
    confidence = torch.cat([batch.confidence[rows] * kept[part] for part, rows in enumerate(PARTS.values())])
    return replace(
        batch,
        coordinates=batch.coordinates * (confidence > 0)[:, None],
        confidence=confidence,
        hand_present=batch.hand_present & kept[1:],
    )


def _stretched(batch: PoseBatch, most: float, seed: tuple[int, ...]) -> PoseBatch:
    """Change the width of a clip, and slant its height: x becomes a·x + b·y."""
    width = 1 + most * _signed(batch, (*seed, _STRETCH, 0))[batch.clip]
    slant = most * _signed(batch, (*seed, _STRETCH, 1))[batch.clip]
    x, y = batch.coordinates.unbind(1)
    slanted = slant * y
    slanted[LEFT_HAND] *= -1  # the mirrored hand slants in the other direction
    return replace(batch, coordinates=torch.stack([width * x + slanted, y], 1))


def _moved(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Rotate all parts of a clip by one angle, scale each part by its own factor, and shift the body."""
    angle = math.radians(settings.rotation) * _signed(batch, (*seed, _ROTATION))
    cos, sin = angle.cos()[batch.clip], angle.sin()[batch.clip]
    coordinates = torch.empty_like(batch.coordinates)
    for number, rows in enumerate(PARTS.values()):
        factor = 1 + settings.scale * _signed(batch, (*seed, _SCALE, number))[batch.clip]
        x, y = batch.coordinates[rows].unbind(1)
        turn = -sin if rows == LEFT_HAND else sin  # the mirrored hand rotates in the other direction
        coordinates[rows, 0] = factor * (cos * x - turn * y)
        coordinates[rows, 1] = factor * (turn * x + cos * y)
    for axis in range(2):
        coordinates[BODY, axis] += settings.shift * _signed(batch, (*seed, _SHIFT, axis))[batch.clip]
    return replace(batch, coordinates=coordinates * (batch.confidence > 0)[:, None])


def _signed(batch: PoseBatch, seed: tuple[int, ...]) -> Tensor:
    """Draw a random number in −1..1 for each clip."""
    return 2 * uniform(seed, batch.numbers) - 1

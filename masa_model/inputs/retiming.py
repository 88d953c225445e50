"""Augmentation in time: a part of a clip, at another speed."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from masa_model.inputs.batch import PoseBatch, clip_of_frames, frames_of, positions_in_clips
from masa_model.inputs.randomness import uniform
from masa_model.settings.augment import AugmentSettings

_SPEED, _CROP = 17, 18


def retime(batch: PoseBatch, settings: AugmentSettings, seed: tuple[int, ...]) -> PoseBatch:
    """Cut clips, and change their speed.

    Args:
        batch: the clips; they are not modified.
        settings: settings of the augmentation.
        seed: seed of the run and number of the epoch; the random values depend only on it and on the clip.

    Returns:
        the clips with other frames, at least one of each.
    """
    if settings.crop:
        batch = _cut(batch, settings.crop, seed)
    if settings.speed:
        batch = _at_another_speed(batch, settings.speed, seed)
    return batch


def _cut(batch: PoseBatch, most: float, seed: tuple[int, ...]) -> PoseBatch:
    """Keep neighboring frames of each clip: all but a random fraction of up to `most`."""
    kept = 1 - most * uniform((*seed, _CROP, 0), batch.numbers)
    lengths = (kept * batch.lengths).ceil().long().clamp(min=1).minimum(batch.lengths)
    first = (uniform((*seed, _CROP, 1), batch.numbers) * (batch.lengths - lengths + 1)).long()
    clip = clip_of_frames(lengths, int(lengths.sum()))
    return batch.select((_starts(batch) + first)[clip] + positions_in_clips(clip, lengths))


def _at_another_speed(batch: PoseBatch, most: float, seed: tuple[int, ...]) -> PoseBatch:
    """Interpolate clips to 1/(1 + most) to 1 + most times as many frames; the first and last frame stay."""
    chance = 2 * uniform((*seed, _SPEED), batch.numbers) - 1
    lengths = (batch.lengths * torch.exp(math.log1p(most) * chance)).round().long().clamp(min=2)
    lengths = torch.where(batch.lengths > 1, lengths, batch.lengths)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    position = positions_in_clips(clip, lengths)
    # In double precision: in single, the last of hundreds of frames may be rounded beyond the end.
    moment = position * ((batch.lengths - 1).double() / (lengths - 1).clamp(min=1))[clip]
    low = moment.floor().long()
    high = (low + 1).minimum((batch.lengths - 1)[clip])
    return interpolated(batch, (low, high, (moment - low).to(batch.coordinates)), clip, lengths)


def interpolated(
    batch: PoseBatch,
    between: tuple[Int[Tensor, " new"], Int[Tensor, " new"], Float[Tensor, " new"]],
    clip: Int[Tensor, " new"],
    lengths: Int[Tensor, " clips"],
) -> PoseBatch:
    """Interpolate new frames between two frames of their clip.

    A keypoint that is missing in one of the two frames is taken from the nearer frame, where it may be
    missing: a missing keypoint is never interpolated.

    Args:
        batch: the clips.
        between: for each new frame, the positions of both frames in the clip, and where it is between them,
            0..1.
        clip: index of the clip of each new frame, ascending.
        lengths: number of new frames of each clip.
    """
    start = _starts(batch)[clip]
    low, high, share = start + between[0], start + between[1], between[2]
    nearer = torch.where(share < 0.5, low, high)
    sure, also = frames_of(batch.confidence, low), frames_of(batch.confidence, high)
    both = (sure > 0) & (also > 0)
    points = torch.lerp(frames_of(batch.coordinates, low), frames_of(batch.coordinates, high), share)
    return PoseBatch(
        torch.where(both[:, None], points, frames_of(batch.coordinates, nearer)),
        torch.where(both, torch.lerp(sure, also, share), frames_of(batch.confidence, nearer)),
        frames_of(batch.hand_present, nearer),
        clip,
        positions_in_clips(clip, lengths),
        lengths,
        batch.numbers,
    )


def _starts(batch: PoseBatch) -> Int[Tensor, " clips"]:
    """Return the index of the first packed frame of each clip."""
    return torch.cumsum(batch.lengths, 0) - batch.lengths

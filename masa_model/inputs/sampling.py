"""A fixed number of frames of each clip: random ones in training, central ones in testing (paper, III-D)."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from masa_model.inputs.batch import PoseBatch, clip_of_frames, positions_in_clips
from masa_model.inputs.randomness import uniform
from masa_model.settings.choices import Sampling

STRIDES: Final[dict[Sampling, int]] = {"window": 1, "stride": 2}

_WINDOW, _SPREAD, _PARTS = 3, 4, 5


def sample_training_frames(batch: PoseBatch, frames: int, how: Sampling, seed: tuple[int, ...]) -> PoseBatch:
    """Random temporal sampling: other frames of a clip in each epoch, each at most once, in their order.

    Args:
        batch: the clips.
        frames: as many of each clip at most; a shorter clip keeps all, or all that the stride leaves.
        how: neighboring frames, every second one, or spread over the clip.
        seed: of the run and the epoch: the choice depends on it and the clip alone.
    """
    if how != "spread":
        place = uniform((*seed, _WINDOW), batch.numbers)
        return batch.select(_window(batch, frames, place, STRIDES[how]))
    return batch.select(_one_of_each_part(batch, frames, seed))


def sample_test_frames(
    batch: PoseBatch, frames: int, how: Sampling, view: int = 0, views: int = 1
) -> PoseBatch:
    """Center sampling; of several views, each its own part of the clip, at equal distances.

    Args:
        batch: the clips.
        frames: as many of each clip at most; a shorter clip keeps all, or all that the stride leaves.
        how: as in training.
        view: which view, 0 ≤ view < views.
        views: how many there are; 1 = the center.
    """
    place = (view + 0.5) / views
    if how == "spread":
        return batch.select(_spread(batch, frames, place))
    places = torch.full((batch.clips,), place, device=batch.clip.device)
    return batch.select(_window(batch, frames, places, STRIDES[how]))


def _window(
    batch: PoseBatch, frames: int, place: Float[Tensor, " clips"], stride: int
) -> Int[Tensor, " chosen"]:
    """Every n-th of neighboring frames: the first lies at `place` (0..1) of where it may lie."""
    lengths = ((batch.lengths + stride - 1) // stride).clamp(max=frames)
    reach = (lengths - 1) * stride + 1
    first = (place * (batch.lengths - reach + 1)).long()
    clip = clip_of_frames(lengths, int(lengths.sum()))
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    return (starts + first)[clip] + positions_in_clips(clip, lengths) * stride


def _spread(batch: PoseBatch, frames: int, place: float) -> Int[Tensor, " chosen"]:
    """The frame at the same `place` (0..1) of each of `frames` equal parts of a clip."""
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    slot = positions_in_clips(clip, lengths)
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    there = batch.lengths[clip]
    within = ((slot + place) * there / lengths[clip]).long()
    # Rounding must not leave the clip; a clip that is kept whole keeps every frame once.
    within = torch.where(there <= frames, slot, torch.minimum(within, there - 1))
    return starts[clip] + within


def _one_of_each_part(batch: PoseBatch, frames: int, seed: tuple[int, ...]) -> Int[Tensor, " chosen"]:
    """A random frame out of each of `frames` parts of a clip, whole frames that differ by one at most.

    Parts of equal length would share frames, and such a frame could be drawn twice. Where the longer parts
    lie is drawn too: else, of 33 frames, the first 31 would come always and one of the last two never.
    """
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    slot = positions_in_clips(clip, lengths)
    offset = (uniform((*seed, _PARTS), batch.numbers) * lengths).long()

    def begin(part: Int[Tensor, " chosen"]) -> Int[Tensor, " chosen"]:
        return (part * batch.lengths[clip] + offset[clip]) // lengths[clip]

    first, after = begin(slot), begin(slot + 1)
    chance = uniform((*seed, _SPREAD), batch.numbers[clip], slot)
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    return starts[clip] + first + (chance * (after - first)).long()

"""Sample a number of frames of each clip: at random in training, from the center in testing (III-D)."""

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
    """Sample random frames of each clip for training, different ones in each epoch, in their original order.

    Args:
        batch: the clips.
        frames: maximum number of frames of each clip; a shorter clip keeps all of its frames, or with
            "stride" every second one.
        how: "window" (neighboring frames), "stride" (every second frame) or "spread" (over the whole clip).
        seed: seed of the run and number of the epoch; the choice depends only on it and on the clip.

    Returns:
        the clips with only the sampled frames, each at most once.
    """
    if how != "spread":
        place = uniform((*seed, _WINDOW), batch.numbers)
        return batch.select(_window(batch, frames, place, STRIDES[how]))
    return batch.select(_one_of_each_part(batch, frames, seed))


def sample_test_frames(
    batch: PoseBatch, frames: int, how: Sampling, view: int = 0, views: int = 1
) -> PoseBatch:
    """Sample frames of each clip for testing: from its center, or several views at equal distances.

    Args:
        batch: the clips.
        frames: maximum number of frames of each clip; a shorter clip keeps all of its frames, or with
            "stride" every second one.
        how: "window", "stride" or "spread", as in training.
        view: number of the view, 0 ≤ view < views.
        views: number of views; 1 = only the center.

    Returns:
        the clips with only the sampled frames.
    """
    place = (view + 0.5) / views
    if how == "spread":
        return batch.select(_spread(batch, frames, place))
    places = torch.full((batch.clips,), place, device=batch.clip.device)
    return batch.select(_window(batch, frames, places, STRIDES[how]))


def _window(
    batch: PoseBatch, frames: int, place: Float[Tensor, " clips"], stride: int
) -> Int[Tensor, " chosen"]:
    """Choose every n-th frame of a window; `place` (0..1) is the position of the window in the clip."""
    lengths = ((batch.lengths + stride - 1) // stride).clamp(max=frames)
    reach = (lengths - 1) * stride + 1
    first = (place * (batch.lengths - reach + 1)).long()
    clip = clip_of_frames(lengths, int(lengths.sum()))
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    return (starts + first)[clip] + positions_in_clips(clip, lengths) * stride


def _spread(batch: PoseBatch, frames: int, place: float) -> Int[Tensor, " chosen"]:
    """Cut each clip into `frames` equal parts and choose the frame at `place` (0..1) of each part."""
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    slot = positions_in_clips(clip, lengths)
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    there = batch.lengths[clip]
    within = ((slot + place) * there / lengths[clip]).long()
    # Rounding must not exceed the clip's end; a short clip keeps every frame once.
    within = torch.where(there <= frames, slot, torch.minimum(within, there - 1))
    return starts[clip] + within


def _one_of_each_part(batch: PoseBatch, frames: int, seed: tuple[int, ...]) -> Int[Tensor, " chosen"]:
    """Cut each clip into `frames` parts and choose a random frame of each part.

    The parts are whole numbers of frames that differ by at most one. Parts of exactly equal length would
    share frames, and a shared frame could be drawn twice. The position of the longer parts is also random:
    otherwise, of 33 frames, the first 31 would always be chosen and one of the last two never.
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

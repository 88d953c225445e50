"""A fixed number of frames of each clip: random ones in training, central ones in testing (paper, III-D)."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from masa_model.inputs.batch import PoseBatch, clip_of_frames, positions_in_clips
from masa_model.inputs.randomness import uniform

# "window": neighbouring frames, all places of the window alike. "spread": one frame out of each of as many
# equal parts of the clip as there are frames to choose. The paper says neither.
Sampling = Literal["window", "spread"]

_WINDOW, _SPREAD = 3, 4


def sample_training_frames(batch: PoseBatch, frames: int, how: Sampling, seed: tuple[int, ...]) -> PoseBatch:
    """Random temporal sampling: other frames of a clip in each epoch.

    Args:
        batch: the clips.
        frames: as many of each clip at most; a shorter clip keeps all.
        how: neighbouring frames, or spread over the clip.
        seed: of the run and the epoch: the choice depends on it and the clip alone.
    """
    if how == "window":
        return batch.select(_window(batch, frames, uniform((*seed, _WINDOW), batch.numbers)))
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    chance = uniform((*seed, _SPREAD), batch.numbers[clip], positions_in_clips(clip, lengths))
    return batch.select(_spread(batch, frames, chance))


def sample_test_frames(
    batch: PoseBatch, frames: int, how: Sampling, view: int = 0, views: int = 1
) -> PoseBatch:
    """Centre sampling; of several views, each its own part of the clip, at equal distances.

    Args:
        batch: the clips.
        frames: as many of each clip at most; a shorter clip keeps all.
        how: as in training.
        view: which view, 0 ≤ view < views.
        views: how many there are; 1 = the centre.
    """
    place = (view + 0.5) / views
    count = batch.clips if how == "window" else int(batch.lengths.clamp(max=frames).sum())
    at = torch.full((count,), place, device=batch.clip.device)
    return batch.select(_window(batch, frames, at) if how == "window" else _spread(batch, frames, at))


def _window(batch: PoseBatch, frames: int, place: Float[Tensor, " clips"]) -> Int[Tensor, " chosen"]:
    """Neighbouring frames: the window's first frame lies at `place` (0..1) of where it may lie."""
    first = (place * (batch.lengths - frames + 1).clamp(min=1)).long()
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, int(lengths.sum()))
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    return (starts + first)[clip] + positions_in_clips(clip, lengths)


def _spread(batch: PoseBatch, frames: int, place: Float[Tensor, " chosen"]) -> Int[Tensor, " chosen"]:
    """A frame of each of `frames` equal parts of a clip, at `place` (0..1) of the part."""
    lengths = batch.lengths.clamp(max=frames)
    clip = clip_of_frames(lengths, place.shape[0])
    slot = positions_in_clips(clip, lengths)
    starts = torch.cumsum(batch.lengths, 0) - batch.lengths
    there = batch.lengths[clip]
    within = ((slot + place) * there / lengths[clip]).long()
    # Rounding must not leave the clip; a clip that is kept whole keeps every frame once.
    within = torch.where(there <= frames, slot, torch.minimum(within, there - 1))
    return starts[clip] + within

"""Batches of clips, packed: the frames of all clips one after the other, without padding.

Arrays are joint-major, (49, 2, frames): sums and extremes over joints then run along contiguous memory, which
is ten times as fast as frame-major ones, and the graph network takes its nodes first anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

# The unit of length: a frame's longer side, or a hand crop's side, is 256 of them.
SIDE = 256.0


@dataclass(frozen=True, slots=True)
class RawClips:
    """Clips as they were extracted.

    Attributes:
        keypoints: positions in units of 1/256 of the frame's longer side, from the upper left corner; any
            number where the confidence is 0.
        confidence: 0..1; 0 = missing.
        frame_size: width and height of each clip's frames in the same unit: the longer one is 256.
        lengths: frames of each clip, at least 1.
        numbers: what tells clips apart: their numbers in the dataset.
    """

    keypoints: Float[Tensor, "49 2 frames"]
    confidence: Float[Tensor, "49 frames"]
    frame_size: Float[Tensor, "2 clips"]
    lengths: Int[Tensor, " clips"]
    numbers: Int[Tensor, " clips"]

    def to(self, device: torch.device) -> RawClips:
        """The same on a device."""
        return type(self)(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class PoseBatch:
    """Clips ready for the network: each part in its own coordinates (parts.py), frames chosen.

    Attributes:
        coordinates: −128..128 for what lies within the part's crop, 0 for missing keypoints; the left hand is
            mirrored.
        confidence: 0..1; 0 = missing, as are all 21 keypoints of an absent hand.
        hand_present: left, right: whether the hand was found in the frame.
        clip: which clip of the batch a frame belongs to, ascending.
        position: the frame's place in its clip, from 0.
        lengths: frames of each clip.
        numbers: the clips' numbers in the dataset.
    """

    coordinates: Float[Tensor, "49 2 frames"]
    confidence: Float[Tensor, "49 frames"]
    hand_present: Bool[Tensor, "2 frames"]
    clip: Int[Tensor, " frames"]
    position: Int[Tensor, " frames"]
    lengths: Int[Tensor, " clips"]
    numbers: Int[Tensor, " clips"]

    @property
    def frames(self) -> int:
        """Number of frames of all clips together."""
        return self.clip.shape[0]

    @property
    def clips(self) -> int:
        """Number of clips."""
        return self.lengths.shape[0]

    def select(self, chosen: Int[Tensor, " chosen"]) -> PoseBatch:
        """Only these frames (once each, ascending), at least one of every clip; positions count anew."""
        clip = self.clip[chosen]
        lengths = torch.bincount(clip, minlength=self.clips)
        return type(self)(
            frames_of(self.coordinates, chosen),
            frames_of(self.confidence, chosen),
            frames_of(self.hand_present, chosen),
            clip,
            positions_in_clips(clip, lengths),
            lengths,
            self.numbers,
        )


def frames_of(
    values: Shaped[Tensor, "*n frames"], chosen: Int[Tensor, " chosen"]
) -> Shaped[Tensor, "*n chosen"]:
    """Some of the packed frames; as rows of a matrix, four times as fast as indexing the last axis."""
    if chosen.shape[0] == values.shape[-1]:
        return values
    return values.flatten(0, -2).index_select(1, chosen).view(*values.shape[:-1], -1)


def clip_of_frames(lengths: Int[Tensor, " clips"], frames: int) -> Int[Tensor, " frames"]:
    """Which clip each packed frame belongs to."""
    clips = torch.arange(lengths.shape[0], device=lengths.device)
    return torch.repeat_interleave(clips, lengths, output_size=frames)


def positions_in_clips(
    clip: Int[Tensor, " frames"], lengths: Int[Tensor, " clips"]
) -> Int[Tensor, " frames"]:
    """Each packed frame's place in its clip, from 0."""
    starts = torch.cumsum(lengths, 0) - lengths
    return torch.arange(clip.shape[0], device=clip.device) - starts[clip]


def length(vectors: Float[Tensor, "n 2 frames"]) -> Float[Tensor, "n frames"]:
    """Euclidean length over the middle axis. torch's own norm takes 50 times as long along such an axis."""
    x, y = vectors.unbind(1)
    return torch.addcmul(x * x, y, y).sqrt_()

"""The frames that the encoder reads, part by part, with the index lists that put the parts back together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_data.tracks.skeleton import BODY, LEFT_HAND, PARTS, RIGHT_HAND
from masa_model.inputs.batch import PoseBatch, TensorGroup, frames_of
from masa_model.inputs.packing import Packing

_HANDS: Final = (LEFT_HAND, RIGHT_HAND)


@dataclass(frozen=True, slots=True)
class EncoderInput(TensorGroup):
    """Some frames of a batch as the encoder reads them. Hidden bodies and absent hands are not in the arrays.

    Attributes:
        body: coordinates of the visible bodies.
        body_seen: whether each of their keypoints was found.
        hands: coordinates of the visible hands, all left hands before all right hands.
        hands_seen: whether each of their keypoints was found.
        rows: for body, left hand and right hand of each frame, the row of its vector in the table of all
            vectors: those of the bodies, those of the hands, one for an absent hand, and the mask tokens of
            body, left hand and right hand.
        position: index of each frame in its clip, from 0.
        packing: packing of the frames.
    """

    body: Float[Tensor, "bodies 7 2"]
    body_seen: Bool[Tensor, "bodies 7"]
    hands: Float[Tensor, "hands 21 2"]
    hands_seen: Bool[Tensor, "hands 21"]
    rows: Int[Tensor, "frames 3"]
    position: Int[Tensor, " frames"]
    packing: Packing


def encoder_input(
    batch: PoseBatch,
    frames: Int[Tensor, " chosen"] | None = None,
    masked: Bool[Tensor, "3 frames"] | None = None,
) -> EncoderInput:
    """Collect some frames of a batch for the encoder.

    Args:
        batch: the clips.
        frames: indices of the packed frames to encode, ascending; None = all frames.
        masked: whether body, left hand and right hand are masked in each frame of the batch; None = nothing
            is masked.

    Returns:
        the input of the encoder for these frames.
    """
    if frames is None:
        frames = torch.arange(batch.frames, device=batch.clip.device)
    clip = batch.clip[frames]
    shown = torch.cat([torch.ones_like(batch.hand_present[:1]), batch.hand_present])
    shown, hidden = frames_of(shown, frames), None
    if masked is not None:
        hidden = frames_of(masked, frames)
        shown = shown & ~hidden
    body, left, right = (row.nonzero()[:, 0] for row in shown)

    bodies, hands = len(body), len(left) + len(right)
    rows = torch.full((len(PARTS), len(frames)), bodies + hands, device=frames.device)
    if hidden is not None:
        tokens = bodies + hands + 1 + torch.arange(len(PARTS), device=frames.device)
        rows = torch.where(hidden, tokens[:, None], rows)
    numbers = torch.arange(bodies + hands, device=frames.device)
    rows[0, body], rows[1, left], rows[2, right] = numbers.split([bodies, len(left), len(right)])
    of_body, of_hands = frames[body], (frames[left], frames[right])
    return EncoderInput(
        _rows(batch.coordinates, BODY, of_body),
        _rows(batch.confidence, BODY, of_body) > 0,
        torch.cat([_rows(batch.coordinates, part, at) for part, at in zip(_HANDS, of_hands, strict=True)]),
        torch.cat([_rows(batch.confidence, part, at) for part, at in zip(_HANDS, of_hands, strict=True)]) > 0,
        rows.T.contiguous(),
        batch.position[frames],
        Packing.of(clip, batch.clips),
    )


def _rows(
    values: Float[Tensor, "49 *n frames"], part: slice, frames: Int[Tensor, " chosen"]
) -> Float[Tensor, "chosen keypoints *n"]:
    """Return one part's keypoints of some frames, frame by frame."""
    chosen = frames_of(values[part], frames)
    return chosen.movedim(-1, 0).contiguous()

"""Motion residuals, and which frames have motion worth predicting (Alg. 1 of the paper)."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_data.skeleton import PARTS
from masa_model.inputs.batch import PoseBatch, length

# An "entry" of Alg. 1: how far a joint moves, or each of its two coordinates. The paper does not say.
Magnitude = Literal["displacement", "coordinate"]
# Which entries a frame's share is of: those seen in both frames, or all. Read literally the paper says all;
# half of real clips then have no candidate, since one hand is often absent.
Denominator = Literal["visible", "all"]
# One set of masked frames a clip (the paper), or one for each part (the released code).
MaskSet = Literal["clip", "per_part"]


def motion_residuals(
    batch: PoseBatch, interval: int
) -> tuple[Float[Tensor, "49 2 frames"], Bool[Tensor, " frames"]]:
    """m_i = x_{i+k} − x_i for i < T − k, else 0 (III-A), in the parts' coordinates.

    Args:
        batch: the clips.
        interval: k, in kept frames, at least 1.

    Returns:
        the residuals, and for which frames there is one. Keypoints missing in either frame have a number that
        means nothing; `pair_confidence` is 0 there.
    """
    exists = _has_later(batch, interval)
    residuals = torch.zeros_like(batch.coordinates)
    x = batch.coordinates
    torch.sub(x[:, :, interval:], x[:, :, :-interval], out=residuals[:, :, : max(x.shape[2] - interval, 0)])
    return residuals.mul_(exists), exists


def pair_confidence(batch: PoseBatch, interval: int, threshold: float) -> Float[Tensor, "49 frames"]:
    """c_i · c_{i+k} with c = r where r ≥ ε_c, else 0 (III-A); 0 for i ≥ T − k.

    Args:
        batch: the clips.
        interval: k, in kept frames.
        threshold: ε_c in 0..1.
    """
    kept = truncated_confidence(batch, threshold)
    pairs = torch.zeros_like(kept)
    torch.mul(kept[:, interval:], kept[:, :-interval], out=pairs[:, : max(kept.shape[1] - interval, 0)])
    return pairs.mul_(_has_later(batch, interval))


def truncated_confidence(batch: PoseBatch, threshold: float) -> Float[Tensor, "49 frames"]:
    """c_i = r_i where r_i ≥ ε_c, else 0 (III-A)."""
    return batch.confidence * (batch.confidence >= threshold)


def mask_candidates(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    exists: Bool[Tensor, " frames"],
    *,
    motion_threshold: float,
    share: float,
    magnitude: Magnitude = "displacement",
    denominator: Denominator = "visible",
    mask_set: MaskSet = "clip",
) -> Bool[Tensor, "3 frames"]:
    """Alg. 1, lines 1–8: frames in which enough of what is seen moves enough.

    Args:
        residuals: m_i (`motion_residuals`).
        pairs: c_i · c_{i+k} (`pair_confidence`).
        exists: whether i < T − k.
        motion_threshold: ε_m, in units of 1/256 of the part's side.
        share: δ in 0..1.
        magnitude: what an entry is.
        denominator: which entries the share is of.
        mask_set: one answer a frame, or one for each part.

    Returns:
        body, left hand, right hand: whether i is a candidate; three times the same for "clip". A frame in
        which nothing is seen twice is none, unless all entries are counted and δ is 0.
    """
    moving, total = moving_entries(
        residuals,
        pairs,
        motion_threshold=motion_threshold,
        magnitude=magnitude,
        denominator=denominator,
        mask_set=mask_set,
    )
    candidates = (moving >= share * total) & (total > 0) & exists
    return candidates.expand(3, -1)


def moving_entries(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    *,
    motion_threshold: float,
    magnitude: Magnitude = "displacement",
    denominator: Denominator = "visible",
    mask_set: MaskSet = "clip",
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """Alg. 1, lines 4–6: numerator and denominator of p_i.

    Args:
        residuals: see mask_candidates, as for the others.
        pairs: c_i · c_{i+k}.
        motion_threshold: ε_m.
        magnitude: what an entry is.
        denominator: which entries are counted.
        mask_set: one answer a frame (one set), or one for body, left hand, right hand (three).

    Returns:
        how many entries move enough, and how many count.
    """
    if magnitude == "displacement":
        moves = (length(residuals).mul_(pairs) >= motion_threshold) & (pairs > 0)
        entries = 1
    else:
        moves = ((residuals.abs() * pairs[:, None] >= motion_threshold) & (pairs > 0)[:, None]).sum(1)
        entries = 2
    counted = pairs > 0 if denominator == "visible" else torch.ones_like(pairs, dtype=torch.bool)
    parts = PARTS.values()
    moving = torch.stack([moves[part].sum(0) for part in parts])
    total = torch.stack([counted[part].sum(0) for part in parts]) * entries
    if mask_set == "clip":
        moving, total = moving.sum(0, keepdim=True), total.sum(0, keepdim=True)
    return moving, total


def _has_later(batch: PoseBatch, interval: int) -> Bool[Tensor, " frames"]:
    """Whether i + k is still a frame of the same clip."""
    return batch.position + interval < batch.lengths[batch.clip]

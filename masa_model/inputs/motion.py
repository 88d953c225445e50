"""Motion residuals, and which frames have motion worth predicting (Alg. 1 of the paper)."""

from __future__ import annotations

from typing import Final, Literal

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
# What makes a frame a candidate.
# "parts": in the body or in a hand, enough of the keypoints that are seen surely in both frames move by ε_m.
# "paper": the letter of Alg. 1: motion times c_i · c_{i+k} is compared with ε_m, and all 49 keypoints
# together must move enough. Graded confidences then ask for a multiple of ε_m; and where an estimator always
# gives both hands, no frame of a one-handed sign is a candidate (docs/pretrain.md has the numbers).
# "released": the authors' code: two coordinates of a part grow by more than ε_m, whatever the confidence.
MaskRule = Literal["parts", "paper", "released"]
# One set of masked frames a clip (the paper); one for each part, which is hidden alone ("per_part"); or one
# for each part, and a frame of any of them is hidden whole ("union", as in the released code).
MaskSet = Literal["clip", "per_part", "union"]

# By the released code: a part is a candidate if more than one of its coordinates grows enough.
_RELEASED_COUNT: Final = 2


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
    rule: MaskRule = "parts",
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
        share: δ in 0..1; has no meaning for the released rule.
        rule: what makes a frame a candidate.
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
        rule=rule,
        magnitude=magnitude,
        denominator=denominator,
        mask_set=mask_set,
    )
    enough = moving >= (_RELEASED_COUNT if rule == "released" else share * total)
    candidates = enough & (total > 0) & exists
    if mask_set == "clip":
        candidates = candidates.any(0, keepdim=True)
    return candidates.expand(3, -1)


def moving_entries(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    *,
    motion_threshold: float,
    rule: MaskRule = "parts",
    magnitude: Magnitude = "displacement",
    denominator: Denominator = "visible",
    mask_set: MaskSet = "clip",
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """Alg. 1, lines 4–6: numerator and denominator of p_i.

    Args:
        residuals: see mask_candidates, as for the others.
        pairs: c_i · c_{i+k}.
        motion_threshold: ε_m.
        rule: what makes a frame a candidate.
        magnitude: what an entry is; coordinates that grow, for the released rule.
        denominator: which entries are counted.
        mask_set: with the paper's rule, "clip" counts all keypoints together.

    Returns:
        how many entries move enough, and how many count: of body, left hand, right hand, or of all together.
    """
    seen = pairs > 0
    if rule == "released":
        moves = ((residuals > motion_threshold) & seen[:, None]).sum(1)
        entries = 2
    elif magnitude == "displacement":
        moved = length(residuals)
        moves = ((moved.mul_(pairs) if rule == "paper" else moved) >= motion_threshold) & seen
        entries = 1
    else:
        moved = residuals.abs()
        moved = moved.mul_(pairs[:, None]) if rule == "paper" else moved
        moves = ((moved >= motion_threshold) & seen[:, None]).sum(1)
        entries = 2
    counted = seen if denominator == "visible" else torch.ones_like(seen)
    parts = PARTS.values()
    moving = torch.stack([moves[part].sum(0) for part in parts])
    total = torch.stack([counted[part].sum(0) for part in parts]) * entries
    if rule == "paper" and mask_set == "clip":
        moving, total = moving.sum(0, keepdim=True), total.sum(0, keepdim=True)
    return moving, total


def _has_later(batch: PoseBatch, interval: int) -> Bool[Tensor, " frames"]:
    """Whether i + k is still a frame of the same clip."""
    return batch.position + interval < batch.lengths[batch.clip]

"""Masking: which frames the query branch does not see (Alg. 1), and which frames the key branch sees (Eq. 5).

In all masks, True means masked.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_data.tracks.skeleton import PARTS
from masa_model.inputs.batch import PoseBatch, length
from masa_model.inputs.motion import Motion
from masa_model.inputs.randomness import uniform
from masa_model.settings.choices import MaskSet
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.pretrain import MotionSettings

# The paper's k (Table VII).
_PAPER_INTERVAL: Final = 3
# In the released code, a part is a candidate if at least this many of its coordinates increase enough.
_RELEASED_COUNT: Final = 2

_QUERY, _KEY = 1, 2


def mask_interval(masking: MaskingSettings, motion: MotionSettings) -> int:
    """Return k of Alg. 1: the setting, or else the predicted interval that is nearest to the paper's 3.

    Args:
        masking: masking settings of the run.
        motion: motion settings of the run; of two equally near intervals, the shorter one is used.

    Returns:
        the interval k in frames.
    """
    if masking.interval is not None:
        return masking.interval
    return min(motion.interval, key=lambda k: (abs(k - _PAPER_INTERVAL), k))


def masks_of(
    motion: Motion, masking: MaskingSettings, interval: int, seed: tuple[int, ...]
) -> tuple[Bool[Tensor, "3 frames"], Bool[Tensor, "3 frames"]]:
    """Find the candidate frames and choose the masked frames of a batch (Alg. 1).

    Args:
        motion: motion in the batch.
        masking: masking settings: rule, thresholds and ratio.
        interval: interval k in frames (`mask_interval`).
        seed: seed of the run and number of the epoch.

    Returns:
        for body, left hand and right hand in each frame: whether it is masked, and whether it is a candidate.
    """
    residuals, exists = motion.residuals(interval)
    if masking.strategy == "random":
        candidates = exists.expand(3, -1)
    else:
        candidates = mask_candidates(residuals, _pairs(motion, masking, interval), exists, masking)
    return choose_masked(candidates, motion.batch, masking.ratio, seed, masking.mask_set), candidates


def how_to_mask_more(masking: MaskingSettings) -> str:
    """Return advice for the user: which setting to change if hardly any frame is masked.

    Args:
        masking: masking settings of the run.

    Returns:
        the advice, starting with a lower-case letter.
    """
    if masking.strategy == "random":
        return "the clips are hardly longer than the interval k; lower masking.interval"
    if masking.rule == "paper":
        return (
            "Alg. 1 as written requires more motion at lower confidence, and motion of both hands; "
            "use masking.rule=parts, which does not"
        )
    if masking.rule == "released":
        return "lower masking.motion_threshold"
    return (
        "if masa-inspect shows confidences below masking.confidence_threshold, lower this setting, "
        "else lower masking.motion_threshold"
    )


def entries_of(
    motion: Motion, masking: MaskingSettings, interval: int
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """Count the moving entries of each frame for Alg. 1 (`moving_entries`).

    Args:
        motion: motion in the batch.
        masking: masking settings: rule and thresholds.
        interval: interval k in frames.

    Returns:
        the number of moving entries and the number of counted entries of each frame.
    """
    return moving_entries(motion.residuals(interval)[0], _pairs(motion, masking, interval), masking)


def mask_candidates(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    exists: Bool[Tensor, " frames"],
    masking: MaskingSettings,
) -> Bool[Tensor, "3 frames"]:
    """Find the candidate frames (Alg. 1, lines 1–8): frames in which enough visible keypoints move enough.

    Args:
        residuals: motion residuals m_i (`motion_residuals`).
        pairs: confidence products c_i · c_{i+k} (`pair_confidence`).
        exists: whether each frame has a residual, i < T − k.
        masking: masking settings: ε_m, δ, which keypoints count, and whether each part has its own
            candidates; the released rule does not use δ.

    Returns:
        whether each frame is a candidate, for body, left hand and right hand; with mask_set "clip" the three
        are equal. A frame in which no keypoint is visible at both ends is not a candidate, unless all entries
        are counted and δ is 0.
    """
    moving, total = moving_entries(residuals, pairs, masking)
    enough = moving >= (
        _RELEASED_COUNT if masking.rule == "released" else masking.min_moving_fraction * total
    )
    candidates = enough & (total > 0) & exists
    if masking.mask_set == "clip":
        candidates = candidates.any(0, keepdim=True)
    return candidates.expand(3, -1)


def moving_entries(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    masking: MaskingSettings,
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """Compute numerator and denominator of p_i, the fraction of moving entries (Alg. 1, lines 4–6).

    Args:
        residuals: motion residuals m_i.
        pairs: confidence products c_i · c_{i+k}.
        masking: masking settings: ε_m and which entries count. The released rule counts coordinates that
            increase; the paper's rule with mask_set "clip" counts all keypoints together.

    Returns:
        the number of moving entries and the number of counted entries of each frame: three rows for body,
        left hand and right hand, or one row for all keypoints together.
    """
    seen = pairs > 0
    if masking.rule == "released":
        moves = ((residuals > masking.motion_threshold) & seen[:, None]).sum(1)
        entries = 2
    elif masking.magnitude == "displacement":
        moved = length(residuals)
        moves = ((moved.mul_(pairs) if masking.rule == "paper" else moved) >= masking.motion_threshold) & seen
        entries = 1
    else:
        moved = residuals.abs()
        moved = moved.mul_(pairs[:, None]) if masking.rule == "paper" else moved
        moves = ((moved >= masking.motion_threshold) & seen[:, None]).sum(1)
        entries = 2
    counted = seen if masking.denominator == "visible" else torch.ones_like(seen)
    parts = PARTS.values()
    moving = torch.stack([moves[part].sum(0) for part in parts])
    total = torch.stack([counted[part].sum(0) for part in parts]) * entries
    if masking.rule == "paper" and masking.mask_set == "clip":
        moving, total = moving.sum(0, keepdim=True), total.sum(0, keepdim=True)
    return moving, total


def choose_masked(
    candidates: Bool[Tensor, "3 frames"],
    batch: PoseBatch,
    ratio: float,
    seed: tuple[int, ...],
    mask_set: MaskSet = "clip",
) -> Bool[Tensor, "3 frames"]:
    """Choose masked frames (Alg. 1, line 9): a random fraction of each clip's candidates, at least one.

    Args:
        candidates: whether each frame is a candidate, for body, left hand and right hand.
        batch: the clips.
        ratio: masking ratio α in 0..1; 0 masks nothing.
        seed: seed of the run and number of the epoch.
        mask_set: "clip" makes one choice for all parts, "per_part" one choice for each part; "union" masks
            all parts in every frame that was chosen for any part.

    Returns:
        for body, left hand and right hand in each frame, whether it is masked. A clip is never masked
        completely: its last k frames have no residual, so they are not candidates.
    """
    if mask_set == "clip":
        return _choose(candidates[0], batch, ratio, (*seed, _QUERY)).expand(3, -1)
    by_part = torch.stack(
        [_choose(candidates[part], batch, ratio, (*seed, _QUERY, part)) for part in range(len(PARTS))]
    )
    return by_part if mask_set == "per_part" else by_part.any(0).expand(3, -1)


def choose_key_frames(batch: PoseBatch, ratio: float, seed: tuple[int, ...]) -> Int[Tensor, " chosen"]:
    """Choose the frames that the key branch sees (Eq. 5): (1 − α_r) T of each clip, at least one.

    Args:
        batch: the clips.
        ratio: masking ratio α_r of the key branch, in 0..1.
        seed: seed of the run and number of the epoch.

    Returns:
        indices of the chosen packed frames, ascending.
    """
    keep = ((1 - ratio) * batch.lengths).round().clamp(min=1)
    rank = _random_ranks(torch.ones_like(batch.clip, dtype=torch.bool), batch, (*seed, _KEY))
    return (rank < keep[batch.clip]).nonzero()[:, 0]


def _choose(
    candidates: Bool[Tensor, " frames"], batch: PoseBatch, ratio: float, seed: tuple[int, ...]
) -> Bool[Tensor, " frames"]:
    if ratio == 0:
        return torch.zeros_like(candidates)
    count = torch.zeros_like(batch.lengths).index_add_(0, batch.clip, candidates.to(batch.lengths.dtype))
    chosen = (ratio * count).round().clamp(min=1)
    return candidates & (_random_ranks(candidates, batch, seed) < chosen[batch.clip])


def _random_ranks(
    among: Bool[Tensor, " frames"], batch: PoseBatch, seed: tuple[int, ...]
) -> Int[Tensor, " frames"]:
    """Return the rank of each frame in a random order of its clip's frames, from 0; `among` comes first."""
    chance: Float[Tensor, " frames"] = uniform(seed, batch.numbers[batch.clip], batch.position)
    # Sort by clip, then frames of `among` first, then by the random number, which has 24 bits.
    key = (batch.clip * 2 + ~among) * 2**24 + (chance * 2**24).long()
    order = torch.argsort(key, stable=True)
    ranks = torch.empty_like(batch.position)
    ranks[order] = batch.position  # frames are sorted by clip, so ranks are positions in the clip
    return ranks


def _pairs(motion: Motion, masking: MaskingSettings, interval: int) -> Float[Tensor, "49 frames"]:
    """Compute c_i · c_{i+k}; the released rule uses every keypoint with a confidence above 0."""
    return motion.pairs(interval, 0.0 if masking.rule == "released" else masking.confidence_threshold)

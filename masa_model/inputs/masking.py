"""Which frames the query does not see (Alg. 1), and which the key sees. True always means: masked."""

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

# Of the paper (Table VII).
_PAPER_INTERVAL: Final = 3
# By the released code: a part is a candidate if more than one of its coordinates grows enough.
_RELEASED_COUNT: Final = 2

_QUERY, _KEY = 1, 2


def mask_interval(masking: MaskingSettings, motion: MotionSettings) -> int:
    """Alg. 1's k: as said; else, of the intervals that are predicted, the one nearest to the paper's 3.

    Args:
        masking: of the run.
        motion: of the run; of two intervals that are as near, the shorter one is taken.
    """
    if masking.interval is not None:
        return masking.interval
    return min(motion.interval, key=lambda k: (abs(k - _PAPER_INTERVAL), k))


def masks_of(
    motion: Motion, masking: MaskingSettings, interval: int, seed: tuple[int, ...]
) -> tuple[Bool[Tensor, "3 frames"], Bool[Tensor, "3 frames"]]:
    """Which parts of which frames are masked, and which were candidates.

    Args:
        motion: in the batch.
        masking: thresholds and ratio.
        interval: k (`mask_interval`).
        seed: of the run and the epoch.
    """
    residuals, exists = motion.residuals(interval)
    if masking.strategy == "random":
        candidates = exists.expand(3, -1)
    else:
        candidates = mask_candidates(residuals, _pairs(motion, masking, interval), exists, masking)
    return choose_masked(candidates, motion.batch, masking.ratio, seed, masking.mask_set), candidates


def how_to_mask_more(masking: MaskingSettings) -> str:
    """What to change where hardly any frame is masked, for the one who reads it.

    Args:
        masking: of the run.
    """
    if masking.strategy == "random":
        return "the clips are hardly longer than k frames; lower masking.interval"
    if masking.rule == "paper":
        return (
            "Alg. 1's letter asks for more motion the lower the confidence is, and for both hands to move: "
            "masking.rule=parts does not"
        )
    if masking.rule == "released":
        return "lower masking.motion_threshold"
    return (
        "where masa-inspect shows confidences below masking.confidence_threshold, lower that, "
        "else masking.motion_threshold"
    )


def entries_of(
    motion: Motion, masking: MaskingSettings, interval: int
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """How many entries of each frame move enough for Alg. 1, and how many count (`moving_entries`).

    Args:
        motion: in the batch.
        masking: thresholds.
        interval: k.
    """
    return moving_entries(motion.residuals(interval)[0], _pairs(motion, masking, interval), masking)


def mask_candidates(
    residuals: Float[Tensor, "49 2 frames"],
    pairs: Float[Tensor, "49 frames"],
    exists: Bool[Tensor, " frames"],
    masking: MaskingSettings,
) -> Bool[Tensor, "3 frames"]:
    """Alg. 1, lines 1–8: frames in which enough of what is seen moves enough.

    Args:
        residuals: m_i (`motion_residuals`).
        pairs: c_i · c_{i+k} (`pair_confidence`).
        exists: whether i < T − k.
        masking: ε_m, δ, which keypoints count, and whether there is one answer a frame or one for each part;
            δ has no meaning for the released rule.

    Returns:
        body, left hand, right hand: whether i is a candidate; three times the same for "clip". A frame in
        which nothing is seen twice is none, unless all entries are counted and δ is 0.
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
    """Alg. 1, lines 4–6: numerator and denominator of p_i.

    Args:
        residuals: m_i.
        pairs: c_i · c_{i+k}.
        masking: ε_m and which entries count; the released rule counts coordinates that grow, the paper's rule
            with one set a clip counts all keypoints together.

    Returns:
        how many entries move enough, and how many count: of body, left hand, right hand, or of all together.
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
    """Alg. 1, line 9: a random share of each clip's candidates, one at least where there are any.

    Args:
        candidates: body, left hand, right hand.
        batch: the clips.
        ratio: α in 0..1; 0 masks nothing.
        seed: of the run and the epoch.
        mask_set: one choice for all parts, or one for each; "union": what any of them chose is masked whole.

    Returns:
        body, left hand, right hand: True = masked. No clip is masked whole: its last k frames have no
        residual and are no candidates.
    """
    if mask_set == "clip":
        return _choose(candidates[0], batch, ratio, (*seed, _QUERY)).expand(3, -1)
    by_part = torch.stack(
        [_choose(candidates[part], batch, ratio, (*seed, _QUERY, part)) for part in range(len(PARTS))]
    )
    return by_part if mask_set == "per_part" else by_part.any(0).expand(3, -1)


def choose_key_frames(batch: PoseBatch, ratio: float, seed: tuple[int, ...]) -> Int[Tensor, " chosen"]:
    """Eq. 5: the frames that the key branch sees, (1 − α_r) T of each clip and one at least, ascending.

    Args:
        batch: the clips.
        ratio: α_r in 0..1.
        seed: of the run and the epoch.
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
    """A random order of each clip's frames, from 0, those of `among` first."""
    chance: Float[Tensor, " frames"] = uniform(seed, batch.numbers[batch.clip], batch.position)
    # By clip, then those of `among` first, then by chance, which has 24 bits.
    key = (batch.clip * 2 + ~among) * 2**24 + (chance * 2**24).long()
    order = torch.argsort(key, stable=True)
    ranks = torch.empty_like(batch.position)
    ranks[order] = batch.position  # packed and sorted by clip, places in the order are places in the clip
    return ranks


def _pairs(motion: Motion, masking: MaskingSettings, interval: int) -> Float[Tensor, "49 frames"]:
    """c_i · c_{i+k}; the released rule takes every keypoint that was found, however unsure."""
    return motion.pairs(interval, 0.0 if masking.rule == "released" else masking.confidence_threshold)

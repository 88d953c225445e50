"""Alg. 1 as settings describe it: which frames of a batch are masked."""

from __future__ import annotations

from typing import Final

from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.masking import choose_masked
from masa_model.inputs.motion import mask_candidates, motion_residuals, moving_entries, pair_confidence
from masa_model.masking_settings import MaskingSettings
from masa_model.settings import MotionSettings

# Of the paper (Table VII).
_PAPER_INTERVAL: Final = 3


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
    batch: PoseBatch, masking: MaskingSettings, interval: int, seed: tuple[int, ...]
) -> tuple[Bool[Tensor, "3 frames"], Bool[Tensor, "3 frames"]]:
    """Which parts of which frames are masked, and which were candidates.

    Args:
        batch: the clips.
        masking: thresholds and ratio.
        interval: k (`mask_interval`).
        seed: of the run and the epoch.
    """
    residuals, exists = motion_residuals(batch, interval)
    if masking.strategy == "random":
        candidates = exists.expand(3, -1)
    else:
        candidates = mask_candidates(
            residuals,
            _pairs(batch, masking, interval),
            exists,
            motion_threshold=masking.motion_threshold,
            share=masking.share,
            rule=masking.rule,
            magnitude=masking.magnitude,
            denominator=masking.denominator,
            mask_set=masking.mask_set,
        )
    return choose_masked(candidates, batch, masking.ratio, seed, masking.mask_set), candidates


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
    batch: PoseBatch, masking: MaskingSettings, interval: int
) -> tuple[Int[Tensor, "sets frames"], Int[Tensor, "sets frames"]]:
    """How many entries of each frame move enough for Alg. 1, and how many count (`moving_entries`).

    Args:
        batch: the clips.
        masking: thresholds.
        interval: k.
    """
    return moving_entries(
        motion_residuals(batch, interval)[0],
        _pairs(batch, masking, interval),
        motion_threshold=masking.motion_threshold,
        rule=masking.rule,
        magnitude=masking.magnitude,
        denominator=masking.denominator,
        mask_set=masking.mask_set,
    )


def _pairs(batch: PoseBatch, masking: MaskingSettings, interval: int) -> Float[Tensor, "49 frames"]:
    """c_i · c_{i+k}; the released rule takes every keypoint that was found, however unsure."""
    threshold = 0.0 if masking.rule == "released" else masking.confidence_threshold
    return pair_confidence(batch, interval, threshold)

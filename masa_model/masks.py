"""Alg. 1 as settings describe it: which frames of a batch are masked."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.masking import choose_masked
from masa_model.inputs.motion import mask_candidates, motion_residuals, pair_confidence
from masa_model.settings import MaskingSettings


def masks_of(
    batch: PoseBatch, masking: MaskingSettings, interval: int, seed: tuple[int, ...]
) -> tuple[Bool[Tensor, "3 frames"], Bool[Tensor, "3 frames"]]:
    """Which parts of which frames are masked, and which were candidates.

    Args:
        batch: the clips.
        masking: thresholds and ratio.
        interval: k.
        seed: of the run and the epoch.
    """
    residuals, exists = motion_residuals(batch, interval)
    if masking.strategy == "random":
        candidates = exists.expand(3, -1)
    else:
        candidates = mask_candidates(
            residuals,
            pair_confidence(batch, interval, masking.confidence_threshold),
            exists,
            motion_threshold=masking.motion_threshold,
            share=masking.share,
            magnitude=masking.magnitude,
            denominator=masking.denominator,
            mask_set=masking.mask_set,
        )
    return choose_masked(candidates, batch, masking.ratio, seed, masking.mask_set), candidates

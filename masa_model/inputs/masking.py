"""Which frames the query does not see, and which the key sees. True always means: masked, not seen."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_data.skeleton import PARTS
from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.motion import MaskSet
from masa_model.inputs.randomness import uniform

# Frames are chosen among those that move (Alg. 1), or among all that have a residual.
MaskStrategy = Literal["motion", "random"]

_QUERY, _KEY = 1, 2


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

"""Motion residuals and the confidence of their two ends (section III-A)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from masa_model.inputs.batch import PoseBatch


class Motion:
    """The motion in a batch of clips. Results are cached for each interval.

    Args:
        batch: the clips.
    """

    def __init__(self, batch: PoseBatch) -> None:
        self.batch = batch
        self._residuals: dict[int, tuple[Tensor, Tensor]] = {}
        self._pairs: dict[tuple[int, float], Tensor] = {}

    def residuals(self, interval: int) -> tuple[Float[Tensor, "49 2 frames"], Bool[Tensor, " frames"]]:
        """Return the `motion_residuals` of the batch."""
        if interval not in self._residuals:
            self._residuals[interval] = motion_residuals(self.batch, interval)
        return self._residuals[interval]

    def pairs(self, interval: int, threshold: float) -> Float[Tensor, "49 frames"]:
        """Return the `pair_confidence` of the batch."""
        key = interval, threshold
        if key not in self._pairs:
            self._pairs[key] = pair_confidence(self.batch, interval, threshold)
        return self._pairs[key]


def motion_residuals(
    batch: PoseBatch, interval: int
) -> tuple[Float[Tensor, "49 2 frames"], Bool[Tensor, " frames"]]:
    """Compute motion residuals m_i = x_{i+k} − x_i for i < T − k, else 0 (III-A), in the parts' coordinates.

    Args:
        batch: the clips.
        interval: interval k in frames of the batch, at least 1.

    Returns:
        the residuals, and whether each frame has one. The residual of a keypoint that is missing in either
        frame has no meaning; `pair_confidence` is 0 there.
    """
    exists = _has_later(batch, interval)
    residuals = torch.zeros_like(batch.coordinates)
    x = batch.coordinates
    torch.sub(x[:, :, interval:], x[:, :, :-interval], out=residuals[:, :, : max(x.shape[2] - interval, 0)])
    return residuals.mul_(exists), exists


def pair_confidence(batch: PoseBatch, interval: int, threshold: float) -> Float[Tensor, "49 frames"]:
    """Compute c_i · c_{i+k}, where c = r if r ≥ ε_c, else 0 (III-A).

    Args:
        batch: the clips.
        interval: interval k in frames of the batch, at least 1.
        threshold: confidence threshold ε_c in 0..1.

    Returns:
        the products in 0..1; 0 for i ≥ T − k.
    """
    kept = truncated_confidence(batch, threshold)
    pairs = torch.zeros_like(kept)
    torch.mul(kept[:, interval:], kept[:, :-interval], out=pairs[:, : max(kept.shape[1] - interval, 0)])
    return pairs.mul_(_has_later(batch, interval))


def truncated_confidence(batch: PoseBatch, threshold: float) -> Float[Tensor, "49 frames"]:
    """Compute c_i = r_i if r_i ≥ ε_c, else 0 (III-A).

    Args:
        batch: the clips.
        threshold: confidence threshold ε_c in 0..1.
    """
    return batch.confidence * (batch.confidence >= threshold)


def _has_later(batch: PoseBatch, interval: int) -> Bool[Tensor, " frames"]:
    """Return for each frame i whether i + k is a frame of the same clip."""
    return batch.position + interval < batch.lengths[batch.clip]

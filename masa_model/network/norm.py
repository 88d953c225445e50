"""Normalization layers; batch statistics are computed over all processes."""

from __future__ import annotations

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules._functions import SyncBatchNorm

from masa_model.settings.choices import Normalization


def make_norm(kind: Normalization, channels: int) -> nn.Module:
    """Create a normalization layer for rows of features.

    Args:
        kind: "batch" for batch normalization, "layer" for layer normalization.
        channels: number of features of a row.
    """
    return RowBatchNorm(channels) if kind == "batch" else nn.LayerNorm(channels)


class RowBatchNorm(nn.BatchNorm1d):
    """Batch normalization of (rows, channels), with two differences from torch.

    - With several processes, the statistics are over the rows of all processes: on GPUs by the kernels of
      torch's SyncBatchNorm, one gather forward and one sum backward; on CPUs, which it does not accept, by
      torch operations.
    - A single row has no variance, so it is normalized by the running statistics.
    """

    def forward(self, x: Float[Tensor, "rows channels"]) -> Float[Tensor, "rows channels"]:
        """Normalize each channel, then scale and shift."""
        if self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            return self._over_gpus(x) if x.is_cuda else self._over_cpus(x)
        by_batch = self.training
        if x.shape[0] < 2:
            by_batch = False
        # torch's layer also counts the batches: one more kernel in each layer, and nothing reads the number.
        return nn.functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            by_batch,
            self.momentum or 0.0,
            self.eps,
        )

    def _over_gpus(self, x: Tensor) -> Tensor:
        found: Tensor = SyncBatchNorm.apply(
            x,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            self.eps,
            self.momentum,
            dist.group.WORLD,
            dist.get_world_size(),
        )
        return found

    def _over_cpus(self, x: Tensor) -> Tensor:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        wide = x.float()
        rows = wide.new_full((1,), x.shape[0])
        dist.all_reduce(rows)
        mean = all_reduce(wide.sum(0)) / rows
        # Two passes, because E[x²] − E[x]² is imprecise: one process and two would give different results.
        variance = all_reduce((wide - mean).square().sum(0)) / rows
        with torch.no_grad():
            unbiased = variance * (rows / (rows - 1).clamp(min=1))
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return ((wide - mean) * scale + self.bias).to(x.dtype)

"""The recognizer: embedding, encoder, pooling over frames, classifier (paper, Fig. 1 below)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from masa_model.inputs.batch import PoseBatch
from masa_model.network.encoder import PoseEncoder
from masa_model.network.norm import RowBatchNorm
from masa_model.network.transformer import Packing
from masa_model.settings.choices import Head, Pooling
from masa_model.settings.network import NetworkSettings


class RecognizerNetwork(nn.Module):
    """From clips to a score for each class.

    Args:
        network: shape of the encoder.
        classes: their number.
        head: a linear layer, or one after batch normalization and dropout.
        pooling: the plain average over frames, or one whose weights are learned.
        dropout: of the batch-norm head.
        frozen: whether the encoder stays as it is, running statistics and all.
    """

    def __init__(
        self,
        network: NetworkSettings,
        classes: int,
        *,
        head: Head = "linear",
        pooling: Pooling = "average",
        dropout: float = 0.0,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = PoseEncoder(network)
        features = self.encoder.features
        self.frame_weight = nn.Linear(features, 1) if pooling == "softmax" else None
        linear = nn.Linear(features, classes)
        self.head: nn.Module = linear
        if head == "batch-norm":
            self.head = nn.Sequential(RowBatchNorm(features), nn.Dropout(dropout), linear)
        self.freeze(frozen)

    def forward(self, batch: PoseBatch) -> Float[Tensor, "clips classes"]:
        """A score for each class; its softmax is the probability."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            frames = torch.arange(batch.frames, device=batch.clip.device)
            features, packing = self.encoder(batch, frames)
        return self.head(self._pooled(features, packing))

    def freeze(self, frozen: bool) -> None:
        """Whether from now on the encoder stays as it is, running statistics and all."""
        self.frozen = frozen
        self.encoder.requires_grad_(not frozen)
        self.encoder.train(self.training and not frozen)

    def train(self, mode: bool = True) -> RecognizerNetwork:
        """As torch's, but a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def _pooled(
        self, features: Float[Tensor, "frames features"], packing: Packing
    ) -> Float[Tensor, "clips features"]:
        if self.frame_weight is None:
            return packing.mean(features)
        scores = packing.pad(self.frame_weight(features))[..., 0]
        weights = scores.masked_fill(~packing.filled, -torch.inf).softmax(1)
        return (packing.pad(features) * weights[..., None]).sum(1)

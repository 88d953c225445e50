"""The recognizer network: embedding, encoder, pooling over frames, classification head (Fig. 1, bottom)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from masa_model.inputs.frames import EncoderInput
from masa_model.inputs.packing import Packing
from masa_model.network.encoder import PoseEncoder
from masa_model.network.norm import RowBatchNorm
from masa_model.settings.choices import Head, Pooling
from masa_model.settings.network import NetworkSettings


class RecognizerNetwork(nn.Module):
    """The network of the recognizer: it computes a score for each class from clips.

    Args:
        network: settings of the encoder's shape.
        classes: number of classes.
        head: "linear" for one linear layer, "batch-norm" for batch normalization, dropout and a linear layer.
        pooling: "average" for the plain mean over frames, "softmax" for a mean with learned weights.
        dropout: dropout rate of the batch-norm head.
        frozen: whether the encoder stays unchanged, including its running statistics.
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

    def forward(self, frames: EncoderInput) -> Float[Tensor, "clips classes"]:
        """Compute the scores (logits) of the classes for each clip; their softmax gives the probabilities."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            features = self.encoder(frames)
        return self.head(self._pooled(features, frames.packing))

    def freeze(self, frozen: bool) -> None:
        """Freeze or unfreeze the encoder.

        Args:
            frozen: whether the encoder stays unchanged from now on, including its running statistics.
        """
        self.frozen = frozen
        self.encoder.requires_grad_(not frozen)
        self.encoder.train(self.training and not frozen)

    def train(self, mode: bool = True) -> RecognizerNetwork:
        """Set training mode as in torch, but keep a frozen encoder in evaluation mode."""
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

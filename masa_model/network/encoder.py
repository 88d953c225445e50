"""Frame-wise embedding and transformer encoder."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from masa_model.inputs.batch import PoseBatch
from masa_model.network.embedding import PoseEmbedding
from masa_model.network.transformer import Packing, Transformer
from masa_model.settings.network import NetworkSettings


class PoseEncoder(nn.Module):
    """Frame-wise embedding and transformer encoder: what is kept after pre-training."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.embedding = PoseEmbedding(settings)
        self.encoder = Transformer(self.features, settings.encoder_blocks, settings.heads, settings.hidden)

    @property
    def features(self) -> int:
        """D_e."""
        return self.embedding.features

    def forward(
        self,
        batch: PoseBatch,
        frames: Int[Tensor, " chosen"],
        masked: Bool[Tensor, "3 frames"] | None = None,
        mask_token: Float[Tensor, "3 part"] | None = None,
    ) -> tuple[Float[Tensor, "chosen features"], Packing]:
        """Embed and encode the chosen frames; no other frame has any influence.

        Args:
            batch: the clips.
            frames: which packed frames, ascending.
            masked: see PoseEmbedding.
            mask_token: see PoseEmbedding.
        """
        tokens = self.embedding(batch, frames, masked, mask_token)
        packing = Packing.of(batch.clip[frames], batch.clips)
        return self.encoder(tokens, batch.position[frames], packing), packing

    def pooled(self, batch: PoseBatch) -> Float[Tensor, "clips features"]:
        """One vector for each clip: all of its frames, averaged."""
        features, packing = self(batch, torch.arange(batch.frames, device=batch.clip.device))
        return packing.mean(features)

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
    """Frame-wise pose embedding and transformer encoder. This part is used after pre-training.

    Args:
        settings: settings of the network's shape.

    Example:
        >>> encoder = PoseEncoder(PretrainSettings(size="tiny").network)  # doctest: +SKIP
        >>> encoder.features  # doctest: +SKIP
        192
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.embedding = PoseEmbedding(settings)
        self.encoder = Transformer(self.features, settings.encoder_blocks, settings.heads, settings.hidden)

    @property
    def features(self) -> int:
        """D_e, the length of a feature vector."""
        return self.embedding.features

    def forward(
        self,
        batch: PoseBatch,
        frames: Int[Tensor, " chosen"],
        masked: Bool[Tensor, "3 frames"] | None = None,
        mask_token: Float[Tensor, "3 part"] | None = None,
    ) -> tuple[Float[Tensor, "chosen features"], Packing]:
        """Embed and encode the chosen frames; other frames have no influence on the result.

        Args:
            batch: the clips.
            frames: indices of the packed frames to encode, ascending.
            masked: masked parts of each frame, as for PoseEmbedding.
            mask_token: mask token of each part, as for PoseEmbedding.

        Returns:
            one feature vector for each chosen frame, and the packing of these frames.
        """
        tokens = self.embedding(batch, frames, masked, mask_token)
        packing = Packing.of(batch.clip[frames], batch.clips)
        return self.encoder(tokens, batch.position[frames], packing), packing

    def pooled(self, batch: PoseBatch) -> Float[Tensor, "clips features"]:
        """Compute one feature vector for each clip: the mean over all of its frames."""
        features, packing = self(batch, torch.arange(batch.frames, device=batch.clip.device))
        return packing.mean(features)

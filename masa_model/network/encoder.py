"""Frame-wise embedding and transformer encoder."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from masa_model.inputs.frames import EncoderInput
from masa_model.network.embedding import PoseEmbedding
from masa_model.network.transformer import Transformer
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
        self, frames: EncoderInput, mask_token: Float[Tensor, "3 part"] | None = None
    ) -> Float[Tensor, "frames features"]:
        """Embed and encode frames; other frames of the clips have no influence on the result.

        Args:
            frames: the frames.
            mask_token: vector that stands for a masked part, as for PoseEmbedding.

        Returns:
            one feature vector for each frame.
        """
        return self.encoder(self.embedding(frames, mask_token), frames.position, frames.packing)

    def pooled(self, frames: EncoderInput) -> Float[Tensor, "clips features"]:
        """Compute one feature vector for each clip: the mean over its frames."""
        return frames.packing.mean(self(frames))

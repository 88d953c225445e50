"""Settings of the network's shape, and its three sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from pydantic import model_validator

from masa_model.settings.choices import Normalization, Size
from masa_model.settings.types import Depth, Section, Share, Width


class NetworkSettings(Section):
    """Settings of the network's shape.

    Attributes:
        blocks: number of channels in each of the five blocks of the graph convolutional networks (paper: 128,
            128, 256, 512, 512).
        part: number of features for each part (body, left hand, right hand). The feature vector of a frame
            has D_e = 3 × part entries (paper: 1536).
        encoder_blocks: number of transformer blocks in the encoder, which sees the visible frames.
        decoder_blocks: number of transformer blocks in the decoder, which predicts the masked frames.
        heads: number of attention heads in each transformer block; 3 × part must be a multiple of 2 × heads.
        hidden: width of the feed-forward layers in each transformer block.
        norm: normalization layers in the graph convolutional networks: "batch" normalization, or "layer"
            normalization.
        graph_dropout: dropout rate in the blocks of the graph convolutional networks.
    """

    blocks: tuple[Width, Width, Width, Width, Width] = (128, 128, 256, 512, 512)
    part: Width = 512
    encoder_blocks: Depth = 3
    decoder_blocks: Depth = 2
    heads: Width = 8
    hidden: Width = 2048
    norm: Normalization = "batch"
    graph_dropout: Share = 0.05

    @model_validator(mode="after")
    def _heads_divide(self) -> NetworkSettings:
        if 3 * self.part % (2 * self.heads):
            raise ValueError(
                f"3 × part = {3 * self.part}, expected a multiple of 2 × heads = {2 * self.heads}"
            )
        weights = self.encoder_weights + self.decoder_blocks * self._block_weights
        if weights > _MOST_WEIGHTS:
            raise ValueError(
                f"about {weights:,} weights, expected {_MOST_WEIGHTS:,} at most: lower network.part, "
                "network.hidden or the number of blocks"
            )
        return self

    @property
    def features(self) -> int:
        """D_e, the length of a frame's feature vector: body and both hands concatenated (paper: 1536)."""
        return 3 * self.part

    @property
    def encoder_weights(self) -> int:
        """Number of weights in the linear layers of embedding and encoder: slightly fewer than all."""
        channels = (2, *self.blocks)
        graphs = sum(4 * before * after + after**2 for before, after in pairwise(channels))
        # One graph network for the body, one for both hands.
        embedding = 2 * (graphs + self.blocks[-1] * self.part)
        return embedding + self.encoder_blocks * self._block_weights

    @property
    def _block_weights(self) -> int:
        features = 3 * self.part
        return 4 * features**2 + 2 * features * self.hidden


_MOST_WEIGHTS: Final = 500_000_000

NETWORKS: dict[Size, NetworkSettings] = {
    "base": NetworkSettings(),
    "small": NetworkSettings(blocks=(64, 64, 128, 256, 256), part=128, hidden=1024, graph_dropout=0),
    "tiny": NetworkSettings(
        blocks=(32, 32, 64, 64, 64),
        part=64,
        encoder_blocks=2,
        decoder_blocks=1,
        heads=4,
        hidden=384,
        graph_dropout=0,
    ),
}

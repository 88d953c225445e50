"""The shape of the network, and its three sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from pydantic import model_validator

from masa_model.settings.choices import Normalization, Size
from masa_model.settings.types import Depth, Section, Share, Width


class NetworkSettings(Section):
    """Shape of the network.

    Attributes:
        blocks: number of channels of the five blocks of each graph network (paper: 128, 128, 256, 512, 512).
        part: number of features of each part (body, left hand, right hand); a frame's vector, D_e, is three
            times as long (paper: 1536).
        encoder_blocks: number of transformer blocks of the encoder, which sees the visible frames.
        decoder_blocks: number of transformer blocks of the decoder, which predicts the masked frames.
        heads: number of attention heads.
        hidden: width of the feed-forward layers in each transformer block.
        norm: normalization in the graph networks: "batch" statistics, or "layer" norm.
        graph_dropout: dropout rate in the graph blocks.
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
        """D_e, the width of a frame's vector: body and both hands side by side (paper: 1536)."""
        return 3 * self.part

    @property
    def encoder_weights(self) -> int:
        """How many weights the linear layers of embedding and encoder have: a little less than all."""
        channels = (2, *self.blocks)
        graphs = sum(4 * before * after + after**2 for before, after in pairwise(channels))
        # One graph network for the body, one for hands.
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

"""Frame-wise pose embedding (Eq. 1): f_i = concat(GCN_B(body), GCN_H(left hand), GCN_H(right hand))."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from masa_model.inputs.frames import EncoderInput
from masa_model.network import graph
from masa_model.network.norm import make_norm
from masa_model.settings.network import NetworkSettings

# The value of the released code.
_OUTPUT_DROPOUT: Final = 0.25


class PartGCN(nn.Module):
    """Graph network of one part: three blocks, pooling to groups, two blocks, and pooling to one vector."""

    by_group: Tensor

    def __init__(self, full: graph.Graph, pooled: graph.Graph, network: NetworkSettings) -> None:
        super().__init__()
        first, second, third, fourth, fifth = network.blocks
        dropout, norm = network.graph_dropout, network.norm
        self.group_sizes = [len(group) for group in full.groups]
        by_group = torch.tensor([node for group in full.groups for node in group])
        self.register_buffer("by_group", by_group, persistent=False)
        self.input_norm = make_norm(norm, 2 * full.nodes)
        self.missing = nn.Parameter(torch.zeros(full.nodes, 2))
        widths = ((2, first), (first, second), (second, third))
        self.joint_blocks = nn.Sequential(
            *(
                graph.GraphBlock(full, inputs, outputs, dropout=dropout, residual=place > 0, norm=norm)
                for place, (inputs, outputs) in enumerate(widths)
            )
        )
        self.group_blocks = nn.Sequential(
            *(
                graph.GraphBlock(pooled, inputs, outputs, dropout=dropout, residual=True, norm=norm)
                for inputs, outputs in ((third, fourth), (fourth, fifth))
            )
        )
        self.output = nn.Linear(fifth, network.part)
        self.output_norm = make_norm(norm, network.part)
        self.dropout = nn.Dropout(_OUTPUT_DROPOUT)

    def forward(
        self, coordinates: Float[Tensor, "frames nodes 2"], seen: Bool[Tensor, "frames nodes"]
    ) -> Float[Tensor, "frames part"]:
        """Compute one vector for each frame; a missing keypoint is replaced by a learned vector."""
        x = self.input_norm(coordinates.flatten(1)).view(coordinates.shape)
        x = torch.where(seen[..., None], x, self.missing.to(x.dtype))
        x = self.joint_blocks(x)
        groups = x.index_select(1, self.by_group).split(self.group_sizes, 1)
        x = torch.stack([group.amax(1) for group in groups], 1)
        x = self.group_blocks(x).amax(1)
        return self.dropout(torch.relu(self.output_norm(self.output(x))))


class PoseEmbedding(nn.Module):
    """Pose embedding with one graph network for both hands and one for the body (Eq. 1).

    Only visible parts are computed; the others are rows of a table.

    Args:
        network: settings of the network's shape.
    """

    def __init__(self, network: NetworkSettings) -> None:
        super().__init__()
        self.features = network.features
        self.hand = PartGCN(graph.HAND, graph.HAND_POOLED, network)
        self.body = PartGCN(graph.BODY, graph.BODY_POOLED, network)
        self.absent_hand = nn.Parameter(torch.randn(network.part) * 0.02)

    def forward(
        self, frames: EncoderInput, mask_token: Float[Tensor, "3 part"] | None = None
    ) -> Float[Tensor, "frames features"]:
        """Embed frames.

        Args:
            frames: the frames.
            mask_token: vector that stands for a masked part, for body, left hand and right hand; required if
                parts are masked.

        Returns:
            one feature vector for each frame.
        """
        body = self.body(frames.body, frames.body_seen)
        hands = self.hand(frames.hands, frames.hands_seen)
        table = [body.to(hands.dtype), hands, self.absent_hand[None].to(hands.dtype)]
        if mask_token is not None:
            table.append(mask_token.to(hands.dtype))
        return torch.cat(table).index_select(0, frames.rows.flatten()).view(-1, self.features)

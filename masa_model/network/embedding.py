"""Frame-wise pose embedding (Eq. 1): f_i = concat(GCN_B(body), GCN_H(left hand), GCN_H(right hand))."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from masa_data.tracks.skeleton import BODY as BODY_ROWS
from masa_data.tracks.skeleton import LEFT_HAND, RIGHT_HAND
from masa_model.inputs.batch import PoseBatch, frames_of
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

    Only the requested frames are computed.

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
        self,
        batch: PoseBatch,
        frames: Int[Tensor, " chosen"],
        masked: Bool[Tensor, "3 frames"] | None = None,
        mask_token: Float[Tensor, "3 part"] | None = None,
    ) -> Float[Tensor, "chosen features"]:
        """Embed the chosen frames.

        Args:
            batch: the clips.
            frames: indices of the packed frames to embed.
            masked: whether body, left hand and right hand are masked in each frame of the batch; a masked
                part is replaced by its `mask_token`. None = nothing is masked.
            mask_token: mask token of each part; required if `masked` is given.

        Returns:
            one feature vector for each chosen frame.
        """
        hidden = None if masked is None else masked[:, frames]
        coordinates = frames_of(batch.coordinates, frames).permute(2, 0, 1).contiguous()
        seen = (frames_of(batch.confidence, frames) > 0).T.contiguous()
        if hidden is None:
            body = self.body(coordinates[:, BODY_ROWS], seen[:, BODY_ROWS])
        else:
            shown = (~hidden[0]).nonzero()[:, 0]
            body = self._placed(
                self.body(coordinates[shown, BODY_ROWS], seen[shown, BODY_ROWS]), shown, len(frames)
            )
        run_left = batch.hand_present[0, frames]
        run_right = batch.hand_present[1, frames]
        if hidden is not None:
            run_left, run_right = run_left & ~hidden[1], run_right & ~hidden[2]
        left, right = run_left.nonzero()[:, 0], run_right.nonzero()[:, 0]
        hands = self.hand(
            torch.cat([coordinates[left, LEFT_HAND], coordinates[right, RIGHT_HAND]]),
            torch.cat([seen[left, LEFT_HAND], seen[right, RIGHT_HAND]]),
        )
        absent = self.absent_hand.to(hands.dtype).expand(len(frames), -1)
        tokens = torch.stack(
            [
                body.to(hands.dtype),
                absent.index_copy(0, left, hands[: len(left)]),
                absent.index_copy(0, right, hands[len(left) :]),
            ],
            1,
        )
        if hidden is not None:
            assert mask_token is not None
            tokens = torch.where(hidden.T[..., None], mask_token.to(tokens.dtype), tokens)
        return tokens.flatten(1)

    def _placed(self, rows: Tensor, places: Tensor, count: int) -> Tensor:
        return rows.new_zeros(count, rows.shape[1]).index_copy(0, places, rows)

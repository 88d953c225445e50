"""The graphs of hand and body, and graph convolution on them.

Each adjacency matrix contains direct neighbors and self loops, is normalized by columns, and is split into
four partitions, each with its own weights: the node itself, neighbors nearer to the center, neighbors farther
from the center, and symmetric nodes. The partitions follow ST-GCN (Yan et al. 2018) with the symmetric links
of Cai et al. 2019, on which the paper's embedding is based.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from masa_model.network.norm import make_norm
from masa_model.settings.choices import Normalization

_PARTITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph of keypoints, and how it is pooled to a smaller graph.

    Attributes:
        nodes: number of nodes.
        links: pairs of neighboring nodes, which form a tree from the center.
        symmetric: pairs of nodes that correspond to each other by symmetry.
        center: node from which distances are counted.
        groups: groups of nodes that are pooled to one node; empty for a graph that is not pooled further.
    """

    nodes: int
    links: Sequence[tuple[int, int]]
    symmetric: Sequence[tuple[int, int]]
    center: int
    groups: Sequence[Sequence[int]] = ()


_FINGERS: Final = [[4 * finger + joint for joint in (1, 2, 3, 4)] for finger in range(5)]

HAND: Final = Graph(
    nodes=21,
    links=[(0, finger[0]) for finger in _FINGERS] + [pair for f in _FINGERS for pair in pairwise(f)],
    symmetric=[pair for one, next_ in pairwise(_FINGERS) for pair in zip(one, next_, strict=True)],
    center=0,
    groups=[finger[1:] for finger in _FINGERS] + [[0, *(finger[0] for finger in _FINGERS)]],
)
HAND_POOLED: Final = Graph(
    nodes=6,
    links=[(5, finger) for finger in range(5)],
    symmetric=[(finger, finger + 1) for finger in range(4)],
    center=5,
)
BODY: Final = Graph(
    nodes=7,
    links=[(0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6)],
    symmetric=[(1, 4), (2, 5), (3, 6)],
    center=0,
    groups=[[1, 2, 3], [4, 5, 6], [0]],
)
# In the released code the nose has no links here.
BODY_POOLED: Final = Graph(nodes=3, links=[(2, 0), (2, 1)], symmetric=[(0, 1)], center=2)


def adjacency(graph: Graph) -> NDArray[np.float32]:
    """Compute the adjacency matrices of a graph.

    Args:
        graph: the graph.

    Returns:
        (4, nodes, nodes) matrices by partition: the weight of node v (row) in the sum of node w (column). In
        every column, the sum over partitions and rows is 1.
    """
    distance = _distances(graph)
    partitions = np.zeros((_PARTITIONS, graph.nodes, graph.nodes))
    partitions[0] = np.eye(graph.nodes)
    for a, b in graph.links:
        for source, target in ((a, b), (b, a)):
            nearer = distance[source] < distance[target]
            partitions[1 if nearer else 2, source, target] = 1
    for a, b in graph.symmetric:
        partitions[3, a, b] = partitions[3, b, a] = 1
    return (partitions / partitions.sum(axis=(0, 1))).astype(np.float32)


def _distances(graph: Graph) -> list[int]:
    """Return the distance of each node from the center, in links."""
    distance = {graph.center: 0}
    while len(distance) < graph.nodes:
        for a, b in graph.links:
            for known, new in ((a, b), (b, a)):
                if known in distance and new not in distance:
                    distance[new] = distance[known] + 1
    return [distance[node] for node in range(graph.nodes)]


class GraphBlock(nn.Module):
    """Graph convolution block.

    It computes Σ_k A_k x W_k, norm, ReLU, dropout, linear layer, norm, dropout, residual, ReLU.

    Arrays are (frames, nodes, channels). One product with the stacked A_k writes the four sums of a node next
    to each other, so that one matrix product with all W_k can read them.
    """

    neighbors: Tensor

    def __init__(
        self, graph: Graph, inputs: int, outputs: int, *, dropout: float, residual: bool, norm: Normalization
    ) -> None:
        super().__init__()
        stacked = adjacency(graph).transpose(2, 0, 1).reshape(-1, graph.nodes)
        self.register_buffer("neighbors", torch.from_numpy(stacked.copy()), persistent=False)
        self.spatial = nn.Linear(_PARTITIONS * inputs, outputs)
        self.spatial_norm = make_norm(norm, outputs)
        self.pointwise = nn.Linear(outputs, outputs)
        self.pointwise_norm = make_norm(norm, outputs)
        self.dropout = nn.Dropout(dropout)
        self.shortcut: nn.Module | None = None
        if residual:
            self.shortcut = nn.Identity()
            if inputs != outputs:
                self.shortcut = nn.Sequential(nn.Linear(inputs, outputs), make_norm(norm, outputs))

    def forward(self, x: Float[Tensor, "frames nodes inputs"]) -> Float[Tensor, "frames nodes outputs"]:
        """Apply the block."""
        frames, nodes, channels = x.shape
        gathered = torch.bmm(self.neighbors.to(x.dtype).expand(frames, -1, -1), x)
        rows = gathered.view(frames * nodes, _PARTITIONS * channels)
        y = self.dropout(torch.relu_(self.spatial_norm(self.spatial(rows))))
        y = self.dropout(self.pointwise_norm(self.pointwise(y)))
        if self.shortcut is not None:
            y = y + self.shortcut(x.view(frames * nodes, channels))
        return torch.relu_(y).view(frames, nodes, y.shape[1])

"""The graphs, and graph convolution against one node at a time."""

import numpy as np
import pytest
import torch

from masa_data.tracks.skeleton import KEYPOINT_NAMES, LIMBS
from masa_model.network.graph import BODY, BODY_POOLED, HAND, HAND_POOLED, GraphBlock, adjacency

GRAPHS = {"hand": HAND, "hand pooled": HAND_POOLED, "body": BODY, "body pooled": BODY_POOLED}


@pytest.mark.parametrize("name", GRAPHS)
def test_columns_sum_to_one_and_partitions_do_not_overlap(name):
    partitions = adjacency(GRAPHS[name])
    assert partitions.shape == (4, GRAPHS[name].nodes, GRAPHS[name].nodes)
    np.testing.assert_allclose(partitions.sum((0, 1)), 1, rtol=1e-6)
    assert ((partitions > 0).sum(0) <= 1).all()
    np.testing.assert_array_equal(partitions[0] > 0, np.eye(GRAPHS[name].nodes, dtype=bool))
    # A neighbor that is nearer for one is farther for the other.
    np.testing.assert_array_equal(partitions[1].T > 0, partitions[2] > 0)
    np.testing.assert_array_equal(partitions[3].T > 0, partitions[3] > 0)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_node_is_reached(name):
    linked = adjacency(GRAPHS[name])[1:3].sum(0) + np.eye(GRAPHS[name].nodes)
    assert (np.linalg.matrix_power(linked, GRAPHS[name].nodes) > 0).all()


@pytest.mark.parametrize(("graph", "first"), [(HAND, 7), (HAND, 28), (BODY, 0)])
def test_links_are_bones_and_symmetric_pairs_correspond(graph, first):
    bones = {frozenset(limb) for limb in LIMBS}
    assert {frozenset((first + a, first + b)) for a, b in graph.links} <= bones
    for a, b in graph.symmetric:
        one, other = KEYPOINT_NAMES[first + a], KEYPOINT_NAMES[first + b]
        if first:
            assert one.split("_")[-1] == other.split("_")[-1]  # the same joint of the next finger
        else:
            assert one.replace("left", "right") == other


@pytest.mark.parametrize("name", ["hand", "body"])
def test_groups_take_the_joints_that_were_meant(name):
    graph = GRAPHS[name]
    expected = {
        "hand": [[2, 3, 4], [6, 7, 8], [10, 11, 12], [14, 15, 16], [18, 19, 20], [0, 1, 5, 9, 13, 17]],
        "body": [[1, 2, 3], [4, 5, 6], [0]],
    }
    assert [list(group) for group in graph.groups] == expected[name]


def test_a_block_is_the_sum_over_neighbors():
    torch.manual_seed(0)
    block = GraphBlock(BODY, 3, 5, dropout=0.0, residual=True, norm="layer").double()
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    partitions = adjacency(BODY)
    weight, bias = block.spatial.weight, block.spatial.bias
    expected = torch.zeros(2, 7, 5, dtype=torch.float64)
    for w in range(7):
        for frame in range(2):
            total = bias.clone()
            for k in range(4):
                for v in range(7):
                    total = total + float(partitions[k, v, w]) * (weight[:, 3 * k : 3 * k + 3] @ x[frame, v])
            y = block.pointwise_norm(block.pointwise(torch.relu(block.spatial_norm(total))))
            expected[frame, w] = torch.relu(y + block.shortcut(x[frame, w]))
    torch.testing.assert_close(block(x), expected)

"""Compile the parts of a network that do nearly all of its work."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from masa_model.network.embedding import PoseEmbedding
from masa_model.network.transformer import Block
from masa_model.training.forwards import Forward, replace_forward

_COMPILED: Final = (PoseEmbedding, Block)


def compile_network(model: nn.Module) -> None:
    """Compile all pose embeddings and transformer blocks of a network with torch.compile.

    Sizes of batches are variables of the compiled code, and modules of the same shape share it: a run of
    pre-training needs four graphs, two for the query branch and the decoder, two for the key branch. In
    evaluation mode the modules run as they are: graphs of their own would cost more than they save.

    Args:
        model: the network, on its device.
    """
    replace_forward(model, _COMPILED, _compiled_in_training)


def _compiled_in_training(usual: Forward) -> Forward:
    compiled: Forward = torch.compile(usual, dynamic=True, fullgraph=True)

    def forward(module: nn.Module, *inputs: Any) -> Tensor:  # noqa: ANN401 (the inputs of any module)
        return (compiled if module.training else usual)(module, *inputs)

    return forward

"""Compile the parts of a network that do nearly all of its work."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn

from masa_model.network.embedding import PoseEmbedding
from masa_model.network.transformer import Block

_COMPILED: Final = (PoseEmbedding, Block)
_Forward: TypeAlias = Callable[..., Tensor]


def compile_network(model: nn.Module) -> None:
    """Compile all pose embeddings and transformer blocks of a network with torch.compile.

    Sizes of batches are variables of the compiled code, and modules of the same shape share it: a run of
    pre-training needs four graphs, two for the query branch and the decoder, two for the key branch. In
    evaluation mode the modules run as they are: graphs of their own would cost more than they save.

    Args:
        model: the network, on its device.
    """
    for kind in _COMPILED:
        forward = _compiled_in_training(kind.forward)
        for module in model.modules():
            if type(module) is kind:
                setattr(module, "forward", MethodType(forward, module))  # noqa: B010 (mypy: forward is a method)


def _compiled_in_training(usual: _Forward) -> _Forward:
    compiled: _Forward = torch.compile(usual, dynamic=True, fullgraph=True)

    def forward(module: nn.Module, *inputs: Any) -> Tensor:  # noqa: ANN401 (the inputs of any module)
        return (compiled if module.training else usual)(module, *inputs)

    return forward

"""Keep fewer activations: compute those of a block again in the backward pass (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MethodType
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from masa_model.network.graph import GraphBlock
from masa_model.network.transformer import Block

_BLOCKS: Final = (GraphBlock, Block)
_Forward: TypeAlias = Callable[..., Tensor]


def recompute_activations(model: nn.Module) -> None:
    """Keep only the inputs of all graph and transformer blocks of a network for the backward pass.

    Losses, gradients and batch normalization statistics are the same as without it: dropout draws the same
    numbers again, and the statistics are updated only once.

    Args:
        model: the network.
    """
    for module in model.modules():
        if type(module) in _BLOCKS:
            forward = _recomputed(type(module).forward)
            setattr(module, "forward", MethodType(forward, module))  # noqa: B010 (mypy: forward is a method)


def _recomputed(usual: _Forward) -> _Forward:
    def forward(module: nn.Module, *inputs: Any) -> Tensor:  # noqa: ANN401 (the inputs of any block)
        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), _unchanged_statistics(module)

        found: Tensor = checkpoint(usual, module, *inputs, use_reentrant=False, context_fn=contexts)
        return found

    return forward


@contextmanager
def _unchanged_statistics(module: nn.Module) -> Iterator[None]:
    statistics = [
        buffer
        for layer in module.modules()
        if isinstance(layer, nn.BatchNorm1d)
        for buffer in (layer.running_mean, layer.running_var)
        if buffer is not None
    ]
    before = [buffer.clone() for buffer in statistics]
    try:
        yield
    finally:
        if statistics:
            torch._foreach_copy_(statistics, before)

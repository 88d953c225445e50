"""Keep fewer activations: compute those of a block again in the backward pass (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from masa_model.network.calibration import restore_statistics, running_statistics
from masa_model.network.graph import GraphBlock
from masa_model.network.transformer import Block
from masa_model.training.forwards import Forward, replace_forward

_BLOCKS: Final = (GraphBlock, Block)


def recompute_activations(model: nn.Module) -> None:
    """Keep only the inputs of all graph and transformer blocks of a network for the backward pass.

    Losses, gradients and batch normalization statistics are the same as without it: dropout draws the same
    numbers again, and the statistics are updated only once.

    Args:
        model: the network.
    """
    replace_forward(model, _BLOCKS, _recomputed)


def _recomputed(usual: Forward) -> Forward:
    def forward(module: nn.Module, *inputs: Any) -> Tensor:  # noqa: ANN401 (the inputs of any block)
        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), _unchanged_statistics(module)

        found: Tensor = checkpoint(usual, module, *inputs, use_reentrant=False, context_fn=contexts)
        return found

    return forward


@contextmanager
def _unchanged_statistics(module: nn.Module) -> Iterator[None]:
    before = running_statistics(module)
    try:
        yield
    finally:
        restore_statistics(module, before)

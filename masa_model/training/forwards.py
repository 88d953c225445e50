"""Give modules of a network another way to be applied, for training alone; their weights stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, TypeAlias

from torch import Tensor, nn

Forward: TypeAlias = Callable[..., Tensor]


def replace_forward(
    model: nn.Module, kinds: tuple[type[nn.Module], ...], change: Callable[[Any], Forward]
) -> None:
    """Replace the forward method of all modules of some classes.

    Args:
        model: the network.
        kinds: the classes; modules of their subclasses are not changed.
        change: function from the forward method of a class, whose first argument is the module, to another;
            modules of one class share it.
    """
    for kind in kinds:
        forward = change(kind.forward)
        for module in model.modules():
            if type(module) is kind:
                setattr(module, "forward", MethodType(forward, module))  # noqa: B010 (mypy: forward is a method)

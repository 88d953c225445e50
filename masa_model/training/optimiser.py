"""Which parameters an optimiser has, in groups: what weight decay is applied to, and what it is not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from masa_model.settings.choices import Decay


def parameter_groups(
    model: nn.Module, parameters: Iterable[nn.Parameter], weight_decay: float, decay: Decay, **common: object
) -> list[dict[str, Any]]:
    """The groups of an optimiser.

    Args:
        model: whose parameters they are.
        parameters: those that learn.
        weight_decay: of those that decay.
        decay: "all" of them; or the "matrices" of linear layers alone, so that biases, norms and learned
            tokens are not drawn to zero.
        common: further entries of every group.

    Returns:
        one group, or one that decays and one that does not; none that is empty.
    """
    parameters = list(parameters)
    matrices = {id(module.weight) for module in model.modules() if isinstance(module, nn.Linear)}
    decaying = [each for each in parameters if decay == "all" or id(each) in matrices]
    others = [each for each in parameters if not (decay == "all" or id(each) in matrices)]
    groups = [
        {"params": decaying, "weight_decay": weight_decay, **common},
        {"params": others, "weight_decay": 0.0, **common},
    ]
    return [group for group in groups if group["params"]]

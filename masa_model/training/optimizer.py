"""The optimizers of both kinds of training, and what weight decay is applied to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from masa_model.settings.choices import Decay
from masa_model.settings.finetune import FinetuneOptimizerSettings
from masa_model.settings.pretrain import OptimizerSettings


def make_optimizer(
    settings: OptimizerSettings | FinetuneOptimizerSettings,
    model: nn.Module,
    learning: Sequence[tuple[Iterable[nn.Parameter], float]],
) -> torch.optim.Optimizer:
    """SGD or AdamW over what learns; each group's "highest" is its learning rate at its height.

    Args:
        settings: of the run.
        model: on its device.
        learning: parameters, and their learning rate at its height.
    """
    groups = [
        group
        for parameters, highest in learning
        for group in parameter_groups(
            model, parameters, settings.weight_decay, settings.decay, highest=highest
        )
    ]
    if isinstance(settings, OptimizerSettings):
        return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=True)
    if settings.kind == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, fused=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give each group its learning rate.

    Args:
        optimizer: made by make_optimizer.
        factor: the share of its height, 0..1.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * factor


def parameter_groups(
    model: nn.Module, parameters: Iterable[nn.Parameter], weight_decay: float, decay: Decay, **common: object
) -> list[dict[str, Any]]:
    """The groups of an optimizer.

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

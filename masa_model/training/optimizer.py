"""The optimizers of both kinds of training, and the parameters to which weight decay is applied."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from masa_model.settings.choices import Decay
from masa_model.settings.finetune import FinetuneOptimizerSettings
from masa_model.settings.pretrain import OptimizerSettings


class _NeverCompiled:
    """The methods of torch's optimizers without torch's wrappers around them.

    The wrappers prepare the methods for torch.compile. At the first call they load the whole compiler, which
    takes two seconds of every start, and no step is compiled here.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


class AdamW(_NeverCompiled, torch.optim.AdamW):
    """torch's AdamW; it has the same name, which is the one in profiles."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class SGD(_NeverCompiled, torch.optim.SGD):
    """torch's SGD; it has the same name, which is the one in profiles."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.SGD.step))


def make_optimizer(
    settings: OptimizerSettings | FinetuneOptimizerSettings,
    model: nn.Module,
    learning: Sequence[tuple[Iterable[nn.Parameter], float]],
) -> torch.optim.Optimizer:
    """Create an SGD or AdamW optimizer for the trained parameters.

    The entry "highest" of each parameter group is the highest learning rate of its schedule.

    Args:
        settings: optimizer settings of the run.
        model: model on its device.
        learning: groups of trained parameters, each with its highest learning rate.

    Returns:
        the optimizer.
    """
    groups = [
        group
        for parameters, highest in learning
        for group in parameter_groups(
            model, parameters, settings.weight_decay, settings.decay, highest=highest
        )
    ]
    if isinstance(settings, OptimizerSettings):
        return AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=True)
    if settings.kind == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum, fused=True)
    return AdamW(groups, lr=settings.learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of each parameter group.

    Args:
        optimizer: optimizer from `make_optimizer`.
        factor: learning rate as a fraction of its highest value, 0..1.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * factor


def parameter_groups(
    model: nn.Module, parameters: Iterable[nn.Parameter], weight_decay: float, decay: Decay, **common: object
) -> list[dict[str, Any]]:
    """Split parameters into optimizer groups with and without weight decay.

    Args:
        model: model that the parameters belong to.
        parameters: the trained parameters.
        weight_decay: weight decay of the parameters to which it is applied.
        decay: parameters to which weight decay is applied: "all", or only the "matrices" of linear layers, so
            that biases, normalization layers and learned tokens are not pulled to zero.
        common: further entries of every group.

    Returns:
        the groups that are not empty: at most one with weight decay and one without.
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

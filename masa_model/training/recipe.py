"""What a recipe of fine-tuning says: the optimiser, its learning rate in each step, what a class counts."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from masa_model.inputs.labelled import FinetuneData
from masa_model.network.classifier import RecognizerNetwork
from masa_model.settings.finetune import FinetuneOptimiserSettings, FinetuneSettings
from masa_model.training.optimiser import parameter_groups
from masa_model.training.schedule import learning_rate_factor


def make_optimiser(settings: FinetuneSettings, model: RecognizerNetwork) -> torch.optim.Optimizer:
    """SGD or AdamW over what learns; each group's "highest" is its learning rate at its height.

    Args:
        settings: of the run.
        model: on its device; a frozen encoder is left out.
    """
    chosen = settings.optimiser
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    head = [parameter for parameter in learning if id(parameter) not in encoder]
    body = [parameter for parameter in learning if id(parameter) in encoder]
    groups = [
        group
        for parameters, highest in (
            (body, chosen.learning_rate),
            (head, chosen.learning_rate * chosen.head_factor),
        )
        for group in parameter_groups(model, parameters, chosen.weight_decay, chosen.decay, highest=highest)
    ]
    if chosen.kind == "sgd":
        return torch.optim.SGD(groups, lr=chosen.learning_rate, momentum=chosen.momentum, fused=True)
    return torch.optim.AdamW(groups, lr=chosen.learning_rate, fused=True)


def rate_factor(settings: FinetuneOptimiserSettings, step: int, steps: int) -> float:
    """The learning rate as a share of its height, 0..1.

    Args:
        settings: SGD falls to a tenth at equal distances (paper, IV-A), AdamW rises and falls in lines.
        step: from 0.
        steps: of the whole run.
    """
    if settings.kind == "sgd":
        return float(0.1 ** (step * (settings.drops + 1) // steps))
    return learning_rate_factor(step, steps, settings.warm_up)


def class_weights(settings: FinetuneSettings, data: FinetuneData) -> Float[Tensor, " classes"]:
    """What a clip of each class counts: 1, or more the rarer its class is; on average over clips 1."""
    counts = np.bincount(data.train.targets, minlength=len(data.classes))
    weights: NDArray[np.float64] = np.ones(len(counts))
    if settings.class_weights == "balanced":
        weights = len(data.train) / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))

"""The recipe of fine-tuning: trained parameters, learning rate schedule and class weights."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from masa_model.inputs.labeled import FinetuneData
from masa_model.network.classifier import RecognizerNetwork
from masa_model.settings.finetune import FinetuneOptimizerSettings, FinetuneSettings
from masa_model.training.schedule import learning_rate_factor


def learning_parameters(
    settings: FinetuneSettings, model: RecognizerNetwork
) -> list[tuple[list[nn.Parameter], float]]:
    """Return the trained parameters of encoder and head, each with its highest learning rate.

    Args:
        settings: settings of the run.
        model: the recognizer's network; a frozen encoder has no trained parameters.
    """
    chosen = settings.optimizer
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    head = [parameter for parameter in learning if id(parameter) not in encoder]
    body = [parameter for parameter in learning if id(parameter) in encoder]
    return [(body, chosen.learning_rate), (head, chosen.learning_rate * chosen.head_factor)]


def rate_factor(settings: FinetuneOptimizerSettings, step: int, steps: int) -> float:
    """Return the learning rate of a step as a fraction of its highest value, 0..1.

    Args:
        settings: optimizer settings. With SGD, the rate drops to a tenth at equal intervals (section IV-A);
            with AdamW, it rises and then decreases linearly.
        step: number of the step, from 0.
        steps: number of steps of the whole run.
    """
    if settings.kind == "sgd":
        return float(0.1 ** (step * (settings.drops + 1) // steps))
    return learning_rate_factor(step, steps, settings.warm_up)


def class_weights(settings: FinetuneSettings, data: FinetuneData) -> Float[Tensor, " classes"]:
    """Compute the weight of each class in the loss; the mean over clips is 1.

    Args:
        settings: settings of the run; with class_weights "balanced", rare classes have larger weights, else
            all weights are 1.
        data: clips of the run.
    """
    counts = np.bincount(data.train.targets, minlength=len(data.classes))
    weights: NDArray[np.float64] = np.ones(len(counts))
    if settings.class_weights == "balanced":
        weights = len(data.train) / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))

"""What a recipe of fine-tuning says: what learns, how fast in each step, what a class counts."""

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
    """Encoder and head, each with its learning rate at its height.

    Args:
        settings: of the run.
        model: a frozen encoder is left out.
    """
    chosen = settings.optimizer
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    head = [parameter for parameter in learning if id(parameter) not in encoder]
    body = [parameter for parameter in learning if id(parameter) in encoder]
    return [(body, chosen.learning_rate), (head, chosen.learning_rate * chosen.head_factor)]


def rate_factor(settings: FinetuneOptimizerSettings, step: int, steps: int) -> float:
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

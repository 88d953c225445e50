"""Validation while fine-tuning: statistics that match the weights, then the scores on the val clips."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

import numpy as np
import torch
from torch import Tensor

from masa_model.inputs.labeled import FinetuneData
from masa_model.network.calibration import CALIBRATION_CLIPS, calibrated
from masa_model.network.classifier import RecognizerNetwork
from masa_model.network.features import in_order
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.probabilities import fit_temperature
from masa_model.training.scoring import Scoring, batch_probabilities, score_clips

_FEWEST_CALIBRATION_CLIPS: Final = 128


def fitting_statistics(
    model: RecognizerNetwork, settings: FinetuneSettings, data: FinetuneData, device: torch.device
) -> AbstractContextManager[dict[str, Tensor]]:
    """Calibrate the trained layers within a `with` block (see `calibrated`).

    It applies the network to one training clip for every six val clips, but to at least 128 and at most 256,
    so validation takes about a sixth longer (`python -m benchmarks training`).

    Args:
        model: network on the device.
        settings: settings of the run.
        data: training and val clips.
        device: device of the network.
    """
    return calibrated(
        model,
        lambda raw: batch_probabilities(model, raw, settings, device),
        data.train.clips,
        part=model.head if model.frozen else None,
        most=min(CALIBRATION_CLIPS, max(_FEWEST_CALIBRATION_CLIPS, len(data.val) // 6)),
    )


def validate(
    model: RecognizerNetwork, data: FinetuneData, settings: FinetuneSettings, device: torch.device
) -> tuple[float, float, float]:
    """Evaluate a network on the val clips; afterwards it is in training mode.

    Args:
        model: network on the device.
        data: training and val clips; there must be val clips.
        settings: settings of the run.
        device: device of the network.

    Returns:
        accuracy (0 to 1), mean negative log-likelihood, and the temperature that fits the val clips best.
    """
    model.eval()
    batches = in_order(len(data.val), settings.batch_size)
    noise = settings.inputs.noise  # the clips that choose the epoch have the same noise as the training clips
    scored = score_clips(model, data.val.clips, settings, device, batches, Scoring(noise=noise))
    probabilities = np.concatenate([found for _, found in scored])
    model.train()
    of_target = probabilities[np.arange(len(data.val)), data.val.targets]
    accuracy = float((probabilities.argmax(1) == data.val.targets).mean())
    loss = float(-np.log(np.maximum(of_target, 1e-12)).mean())
    return accuracy, loss, fit_temperature(probabilities, data.val.targets)

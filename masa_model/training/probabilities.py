"""Calibrated probabilities: fit a temperature on val, and measure the calibration error."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

_LOWEST: Final = 0.05
_HIGHEST: Final = 20.0
_SMALLEST: Final = 1e-30
_BINS: Final = 15


def fit_temperature(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Fit the temperature T that makes softmax(scores / T) most likely (Guo et al. 2017, arXiv:1706.04599).

    As in Platt (1999), a fraction 1 / (N + 2) of each target is spread over all classes, so that a recognizer
    that is right on all of a few clips does not seem to be always right.

    Args:
        probabilities: (N, C) softmax(scores), at a temperature of 1.
        targets: (N,) class numbers in 0..C−1.

    Returns:
        T between 0.05 and 20; 1 if there are no clips.

    Example:
        A recognizer predicts ten clips with 99 % probability, and five predictions are wrong. Then T is much
        larger than 1: `fit_temperature(np.tile([0.99, 0.01], (10, 1)), np.arange(10) % 2)`.
    """
    if not len(targets):
        return 1.0
    scores = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))
    own = scores[np.arange(len(targets)), targets]
    for_all = 1 / (len(targets) + 2)
    wanted = (1 - for_all) * own + for_all * scores.mean(1)

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        highest = scaled.max(1)
        normalizer = highest + np.log(np.exp(scaled - highest[:, None]).sum(1))
        return float((normalizer - wanted / np.exp(log_temperature)).mean())

    # Imported here and below, because the start of training would wait seconds for what only its end needs.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(loss, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Compute the expected calibration error: the difference between top-1 probability and accuracy.

    It is the mean over 15 equal bins of the probability, weighted by the number of clips in each bin (Naeini
    et al. 2015).

    Args:
        probabilities: (N, C) probabilities, N at least 1.
        targets: (N,) class numbers; −1 = none of the classes, so that every prediction is wrong.

    Returns:
        the error in 0..1; 0 = the probabilities equal the accuracy in every bin.
    """
    from torchmetrics.functional.classification import binary_calibration_error

    best = torch.from_numpy(probabilities.max(1).astype(np.float32)).clamp(0, 1)
    right = torch.from_numpy((probabilities.argmax(1) == targets).astype(np.int64))
    return float(binary_calibration_error(best, right, n_bins=_BINS))

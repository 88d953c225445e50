"""Probabilities that mean what they say: one temperature fitted on val, and how far off they are."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torchmetrics.functional.classification import binary_calibration_error

_LOWEST: Final = 0.05
_HIGHEST: Final = 20.0
_SMALLEST: Final = 1e-30
_BINS: Final = 15


def fit_temperature(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """The temperature T by which softmax(scores / T) is most likely (Guo et al. 2017, arXiv:1706.04599).

    Of N clips a share of 1 / (N + 2) counts for all classes alike, as in Platt (1999): a recognizer that gets
    every one of a few clips right is not taken to be always right.

    Args:
        probabilities: (N, C) softmax(scores), at a temperature of 1.
        targets: (N,) in 0..C−1.

    Returns:
        T between 0.05 and 20; 1 if there are no clips.

    Example:
        Of ten clips on which a recognizer said 99 % five were wrong, so T is far above 1:
        `fit_temperature(np.tile([0.99, 0.01], (10, 1)), np.arange(10) % 2)`.
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

    found = minimize_scalar(loss, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Expected calibration error: how far the best guess's probability is from how often it is right.

    The mean over 15 equal bins of the probability, weighted by the clips in each (Naeini et al. 2015).

    Args:
        probabilities: (N, C), N at least 1.
        targets: (N,) class numbers; −1 = none of the classes, so that every guess is wrong.

    Returns:
        0..1; 0 = the probabilities are right on average.
    """
    best = torch.from_numpy(probabilities.max(1).astype(np.float32)).clamp(0, 1)
    right = torch.from_numpy((probabilities.argmax(1) == targets).astype(np.int64))
    return float(binary_calibration_error(best, right, n_bins=_BINS))

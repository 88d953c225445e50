"""Start a classification head from the class means of frozen features."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from masa_model.inputs.labeled import LabeledClips
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.classifier import RecognizerNetwork
from masa_model.network.features import clip_features
from masa_model.network.norm import RowBatchNorm
from masa_model.settings.pretrain import InputSettings

# The largest possible score: with it, a head of 10 to 2,000 classes is neither sure of all nor of none.
_SCALE: Final = 10.0


@torch.no_grad()
def start_from_class_means(
    model: RecognizerNetwork, train: LabeledClips, inputs: InputSettings, device: torch.device
) -> None:
    """Set the head so that its score is the cosine of a clip's features with the mean of each class.

    The features are standardized as for the nearest-neighbor classifier (`nearest_classes`). With one clip
    for each class, both therefore give the same answer, and fine-tuning starts from it. The batch statistics
    of the encoder are measured on the training clips first.

    Args:
        model: network on the device, with a pre-trained encoder.
        train: training clips.
        inputs: settings of the input.
        device: device of the network.
    """
    calibrate_encoder(model.encoder, train.clips, inputs, device)
    features = clip_features(model.encoder, train.clips, inputs, device)
    if model.frame_weight is not None:  # equal weights: the mean over frames, as in the features
        model.frame_weight.weight.zero_()
        model.frame_weight.bias.zero_()
    linear = model.head[-1] if isinstance(model.head, nn.Sequential) else model.head
    assert isinstance(linear, nn.Linear)
    center, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
    weight = class_means((features - center) / spread, train.targets, linear.out_features)
    if isinstance(model.head, nn.Sequential):
        norm = model.head[0]
        assert isinstance(norm, RowBatchNorm)
        _fill(norm.running_mean, center)
        _fill(norm.running_var, spread**2)
        bias = np.zeros(len(weight), np.float32)
    else:
        weight = weight / spread
        bias = -weight @ center
    _fill(linear.weight, weight)
    _fill(linear.bias, bias)


def class_means(
    features: NDArray[np.float32], targets: NDArray[np.int64], classes: int
) -> NDArray[np.float32]:
    """Compute the direction of the mean features of each class, times a factor.

    Args:
        features: (N, D) standardized features.
        targets: (N,) class numbers.
        classes: number of classes C.

    Returns:
        (C, D) weights w: for typical features z, w · z is 10 times their cosine with the mean of the class; 0
        for a class without clips.
    """
    sums = np.zeros((classes, features.shape[1]), np.float32)
    np.add.at(sums, targets, features)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    typical = max(float(np.linalg.norm(features, axis=1).mean()), 1e-6)
    return np.asarray(_SCALE / typical * sums / np.maximum(lengths, 1e-6), np.float32)


def _fill(place: torch.Tensor | None, values: NDArray[np.floating]) -> None:
    assert place is not None
    place.copy_(torch.from_numpy(np.asarray(values, np.float32)))

"""Probe frozen features: fit a nearest-neighbor and a linear classifier on train, evaluate them on val."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler, normalize

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.labeled import draw_shots
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import clip_features
from masa_model.settings.pretrain import InputSettings, PretrainSettings

# Numbers of training clips for each class; None = all clips.
SHOTS: Final[tuple[int | None, ...]] = (1, 5, None)
DRAWS: Final = 3
# For standardized features with a few hundred dimensions and few clips for each class: enough regularization
# to avoid overfitting, and fits converge in seconds.
_INVERSE_PENALTY: Final = 0.1


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe: top-1 accuracies on val, in 0..1.

    Attributes:
        neighbor: accuracy of the nearest neighbor by cosine similarity: for each number of shots, one value
            for each random draw.
        linear: accuracy of logistic regression, in the same form.
        clips: number of val clips.
        classes: number of classes of these clips.
    """

    neighbor: dict[int | None, list[float]]
    linear: dict[int | None, list[float]]
    clips: int
    classes: int

    def means(self, prefix: str = "") -> dict[str, float]:
        """Return the mean accuracy of each classifier and number of shots, such as "neighbor_1".

        Args:
            prefix: text before each name.
        """
        return {
            f"{prefix}{name}_{'all' if shots is None else shots}": float(np.mean(values))
            for name, table in (("neighbor", self.neighbor), ("linear", self.linear))
            for shots, values in table.items()
        }


def probe(
    encoder: PoseEncoder,
    train: PoseDataset,
    val: PoseDataset,
    inputs: InputSettings,
    device: torch.device,
    shots: Sequence[int | None] = SHOTS,
) -> ProbeResult:
    """Probe the features of an encoder.

    Args:
        encoder: encoder on the device, in evaluation mode.
        train: labeled clips to fit the classifiers on.
        val: labeled clips to evaluate on; clips of classes that `train` does not have are skipped.
        inputs: input settings that the encoder was trained with.
        device: device to compute on.
        shots: numbers of training clips for each class; the random draws depend only on this number.

    Returns:
        the accuracies of both classifiers.

    Raises:
        DataError: if no class is in both train and val.
    """
    train_labels, val_labels = shared_labels(train, val)
    train_features = clip_features(encoder, train, inputs, device)
    val_features = clip_features(encoder, val, inputs, device)
    asked = val_labels >= 0
    neighbor: dict[int | None, list[float]] = {}
    linear: dict[int | None, list[float]] = {}
    for count in shots:
        draws = DRAWS if count else 1
        neighbor[count], linear[count] = [], []
        for draw in range(draws):
            gallery = draw_shots(train_labels, count, draw)
            known, labels = train_features[gallery], train_labels[gallery]
            for table, classify in ((neighbor, nearest_classes), (linear, linear_classes)):
                guessed = classify(known, labels, val_features[asked])
                table[count].append(float((guessed == val_labels[asked]).mean()))
    return ProbeResult(neighbor, linear, int(asked.sum()), len(np.unique(val_labels[asked])))


def untrained_encoder(
    settings: PretrainSettings, train: PoseDataset, device: torch.device, seed: int = 0
) -> PoseEncoder:
    """Create an encoder with random weights, and calibrate it on the training clips.

    Without calibration, its batch normalization layers would not normalize anything.

    Args:
        settings: settings of the pre-training run.
        train: training clips; labels are not used.
        device: device to compute on.
        seed: random seed of the weights.
    """
    torch.manual_seed(seed)
    encoder = PoseEncoder(settings.network).to(device).eval()
    calibrate_encoder(encoder, train, settings.inputs, device)
    return encoder


def shared_labels(train: PoseDataset, val: PoseDataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the classes of train, and return the class numbers of both sets of clips.

    Args:
        train: labeled clips.
        val: labeled clips.

    Returns:
        the class numbers of the train clips and of the val clips; −1 for val clips of any other class.

    Raises:
        DataError: if no class is in both train and val.
    """
    classes, train_labels = train.classes()
    val_labels = val.places_among(classes, "train")
    if not (val_labels >= 0).any():
        raise DataError(
            "no label is in both train and val",
            "Add labels and splits with masa-convert relabel and masa-convert split",
        )
    return train_labels, val_labels


def nearest_classes(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Predict the class of the nearest known clip, by cosine similarity of standardized features.

    Args:
        known: (n, D) features of clips with known classes.
        labels: (n,) classes of these clips.
        asked: (m, D) features of the clips to classify.

    Returns:
        (m,) predicted classes.
    """
    scaler = StandardScaler().fit(known)
    similarity = normalize(scaler.transform(asked)) @ normalize(scaler.transform(known)).T
    return np.asarray(labels[similarity.argmax(1)])


def linear_classes(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Predict classes by logistic regression on standardized features; arguments as for `nearest_classes`."""
    scaler = StandardScaler().fit(known)
    return regressed_classes(scaler.transform(known), labels, scaler.transform(asked))


def regressed_classes(
    known: NDArray[np.floating], labels: NDArray[np.int64], asked: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Predict classes by logistic regression; arguments as for `nearest_classes`."""
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=200)
    with warnings.catch_warnings():
        # Two warnings can be ignored: missing convergence changes at most the third digit after so many
        # steps, and with one shot there are as many classes as clips.
        warnings.simplefilter("ignore")
        model.fit(known, labels)
    return np.asarray(model.predict(asked))


def frozen_copy(encoder: PoseEncoder) -> PoseEncoder:
    """Return a copy of the current encoder in evaluation mode; the original can continue training."""
    return copy.deepcopy(encoder).eval()

"""How good frozen features are: nearest neighbor and a linear classifier, trained on train, asked on val."""

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

# Clips a class from which to learn; None = all there are.
SHOTS: Final[tuple[int | None, ...]] = (1, 5, None)
DRAWS: Final = 3
# Standardized features of a few hundred numbers, few clips a class: weak enough to overfit little, strong
# enough to converge in seconds.
_INVERSE_PENALTY: Final = 0.1


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Top-1 accuracies on val.

    Attributes:
        neighbor: by shots, one for each draw: the class of the nearest train clip by cosine.
        linear: likewise, by logistic regression.
        clips: asked.
        classes: among them.
    """

    neighbor: dict[int | None, list[float]]
    linear: dict[int | None, list[float]]
    clips: int
    classes: int

    def means(self, prefix: str = "") -> dict[str, float]:
        """One number for each classifier and number of shots, for records."""
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
    """Probe an encoder.

    Args:
        encoder: on the device, in evaluation mode.
        train: clips with labels; classes of `val` that it lacks are left out.
        val: clips with labels.
        inputs: as the encoder was trained with.
        device: where to compute.
        shots: clips a class; draws are a pure function of their number.

    Raises:
        DataError: if no class is in both.
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
    """An encoder with its first weights, whose statistics are those of the training clips.

    Without the latter its features would be those of a network that normalizes nothing.
    """
    torch.manual_seed(seed)
    encoder = PoseEncoder(settings.network).to(device).eval()
    calibrate_encoder(encoder, train, settings.inputs, device)
    return encoder


def shared_labels(train: PoseDataset, val: PoseDataset) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of train's classes, the same for both; −1 for clips of val whose class train lacks.

    Raises:
        DataError: if no class is in both.
    """
    classes, train_labels = train.classes()
    val_labels = val.places_among(classes, "train")
    if not (val_labels >= 0).any():
        raise DataError(
            "no label is in both train and val", "Give labels and splits with masa-convert relabel and split"
        )
    return train_labels, val_labels


def nearest_classes(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The class of the nearest known clip, by the cosine of standardized features.

    Args:
        known: (n, D) features of clips whose class is known.
        labels: (n,) their classes.
        asked: (m, D) features of the clips that are asked about.

    Returns:
        (m,) classes.
    """
    scaler = StandardScaler().fit(known)
    similarity = normalize(scaler.transform(asked)) @ normalize(scaler.transform(known)).T
    return np.asarray(labels[similarity.argmax(1)])


def linear_classes(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The class that logistic regression on standardized features gives; see `nearest_classes`."""
    scaler = StandardScaler().fit(known)
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=200)
    with warnings.catch_warnings():
        # That it has not converged makes no difference in the third digit after so many steps, and that there
        # are as many classes as clips is what one shot means.
        warnings.simplefilter("ignore")
        model.fit(scaler.transform(known), labels)
    return np.asarray(model.predict(scaler.transform(asked)))


def frozen_copy(encoder: PoseEncoder) -> PoseEncoder:
    """The encoder as it is now, in evaluation mode, apart from the one that goes on learning."""
    return copy.deepcopy(encoder).eval()

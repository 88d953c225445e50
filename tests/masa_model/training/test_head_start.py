"""A head that starts from class means answers as a classifier of frozen features does, before any step."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler, normalize

from masa_model.inputs.labeled import open_finetune_data
from masa_model.inputs.sources import raw_clips
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.features import clip_features, whole_clips
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.head_start import start_from_class_means
from masa_model.training.recognizer import build_network
from tests.masa_model.made_up_signs import NETWORK, signs, write

CPU = torch.device("cpu")


@pytest.mark.parametrize("head", ["linear", "batch-norm"])
@pytest.mark.parametrize("pooling", ["average", "softmax"])
@pytest.mark.parametrize("shots", [1, 4])
def test_the_first_answers_are_those_of_the_nearest_class_mean(tmp_path, provenance, head, pooling, shots):
    file = write(tmp_path / "signs.h5", provenance, signs(test=8))
    settings = FinetuneSettings.model_validate(
        {"network": NETWORK, "head": {"kind": head, "pooling": pooling}, "data": {"shots": shots}}
    )
    data = open_finetune_data([file], settings.data)
    torch.manual_seed(0)
    model = build_network(settings, len(data.classes)).eval()
    start_from_class_means(model, data.train, settings.inputs, CPU)

    encoder = build_network(settings, 1).encoder.eval()
    encoder.load_state_dict(model.encoder.state_dict())
    calibrate_encoder(encoder, data.train.clips, settings.inputs, CPU)
    known = clip_features(encoder, data.train.clips, settings.inputs, CPU)
    asked = clip_features(encoder, data.val.clips, settings.inputs, CPU)
    scaler = StandardScaler().fit(known)
    known, asked = scaler.transform(known), normalize(scaler.transform(asked))
    if shots == 1:
        oracle = KNeighborsClassifier(1, metric="cosine").fit(known, data.train.targets)
    else:
        # Nearest by cosine = nearest by distance among means of length 1.
        oracle = NearestCentroid().fit(known, data.train.targets)
        oracle.centroids_ = normalize(oracle.centroids_)
    with torch.no_grad():
        scores = model(
            whole_clips(raw_clips([data.val.clips[n] for n in range(len(data.val))]), settings.inputs)
        )
    np.testing.assert_array_equal(scores.argmax(1).numpy(), oracle.predict(asked))
    assert scores.abs().max() < 25  # a confident answer can still be changed


def test_a_class_without_clips_gets_no_score():
    from masa_model.training.head_start import class_means

    features = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    weights = class_means(features, np.array([0, 0, 2, 2, 2, 0]), 4)
    assert (weights[[1, 3]] == 0).all()
    lengths = np.linalg.norm(weights[[0, 2]], axis=1) * np.linalg.norm(features, axis=1).mean()
    np.testing.assert_allclose(lengths, 10, rtol=1e-5)

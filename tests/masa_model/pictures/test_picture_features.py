"""The map of features: which clips are on it, and that neighbors stay neighbors."""

import numpy as np
import pytest
import torch

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.track import NO_LABEL
from masa_model.evaluation.probe import untrained_encoder
from masa_model.pictures.features import (
    GLOSSES,
    SEEN_CLIPS,
    UNSEEN_CLIPS,
    choose_clips,
    draw_features,
    in_the_plane,
    map_features,
)
from masa_model.settings.pretrain import PretrainSettings
from tests.conftest import make_track

CPU = torch.device("cpu")


def test_the_most_frequent_glosses_and_not_too_many_clips_of_each():
    labels = np.repeat([*range(15), -1], [*range(60, 75), 200])
    unseen = np.arange(len(labels)) % 2 == 0
    chosen, gloss, kept = choose_clips(labels, unseen)
    assert kept == list(range(14, 14 - GLOSSES, -1))
    assert len(np.unique(chosen)) == len(chosen)
    np.testing.assert_array_equal(np.array(kept)[gloss], labels[chosen])
    for place in range(GLOSSES):
        own = unseen[chosen[gloss == place]]
        assert ((~own).sum(), own.sum()) == (SEEN_CLIPS, UNSEEN_CLIPS)
    np.testing.assert_array_equal(choose_clips(labels, unseen)[0], chosen)


def test_neighbors_stay_neighbors_and_the_plane_is_the_same_twice():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 20)
    features = (rng.normal(0, 2, (6, 80))[labels] + rng.normal(size=(120, 80))).astype(np.float32)
    points = in_the_plane(features)
    distance = np.linalg.norm(points[:, None] - points, axis=2) + np.diag(np.full(120, np.inf))
    assert (labels[distance.argmin(1)] == labels).mean() > 0.95
    np.testing.assert_array_equal(in_the_plane(features), points)
    assert in_the_plane(features[:5]).shape == (5, 2)


def write(path, provenance, labels=True):
    tracks = [
        make_track(
            f"{split}{n}",
            frames=6,
            seed=n,
            split=split,
            **({"label": n % 3, "gloss": f"sign {n % 3}"} if labels else {"label": NO_LABEL}),
        )
        for split, count in (("train", 9), ("val", 6), ("test", 12))
        for n in range(count)
    ]
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return PoseDataset.open(path, splits=["train"])


def test_clips_of_train_and_val_are_on_the_map_and_none_of_test(tmp_path, provenance):
    trained = write(tmp_path / "out.h5", provenance)
    settings = PretrainSettings(size="tiny")
    encoder = untrained_encoder(settings, trained, CPU)
    found = map_features(encoder, trained, settings.inputs, CPU)
    assert found.glosses == ("sign 0", "sign 1", "sign 2")
    assert np.bincount(found.gloss).tolist() == [5, 5, 5]
    assert (found.unseen.sum(), len(found.points)) == (6, 15)
    figure = draw_features(found)
    drawn = sum(len(points.get_offsets()) for points in figure.axes[0].collections)
    assert drawn == 15
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["sign 0", "sign 1", "sign 2", "trained on", "val: not seen"]


def test_without_glosses_that_is_said(tmp_path, provenance):
    trained = write(tmp_path / "out.h5", provenance, labels=False)
    settings = PretrainSettings(size="tiny")
    with pytest.raises(DataError, match="0 clips of 0 glosses are in the splits train, val"):
        map_features(untrained_encoder(settings, trained, CPU), trained, settings.inputs, CPU)

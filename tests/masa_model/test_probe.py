"""Probing: which clips are drawn, which classes are asked, and what perfect and useless features give."""

import numpy as np
import pytest
import torch

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.evaluation import probe as probing
from masa_model.evaluation.probe import probe, shared_labels, untrained_encoder
from masa_model.inputs.labeled import draw_shots
from masa_model.settings.pretrain import PretrainSettings
from tests.conftest import make_track


def test_shots():
    labels = np.array([0] * 10 + [1] * 3 + [-1] * 4 + [2])
    for shots in (1, 2, 5):
        drawn = draw_shots(labels, shots, 0)
        assert np.bincount(labels[drawn]).tolist() == [min(shots, 10), min(shots, 3), 1]
        assert len(np.unique(drawn)) == len(drawn)
        np.testing.assert_array_equal(drawn, draw_shots(labels, shots, 0))
    assert any(
        draw_shots(labels, 2, 0).tolist() != draw_shots(labels, 2, draw).tolist() for draw in (1, 2, 3)
    )
    assert draw_shots(labels, None, 0).tolist() == [*range(13), 17]


@pytest.fixture
def files(tmp_path, provenance):
    tracks = [
        make_track(
            f"{split}{label}-{n}",
            frames=6,
            seed=label,
            split=split,
            label=label,
            gloss=str(label),
            corpus="c",
        )
        for split, classes in (("train", (0, 1, 2)), ("val", (1, 2, 3)), ("test", (0,)))
        for label in classes
        for n in range(4)
    ]
    path = tmp_path / "out.h5"
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path


def test_classes_that_train_lacks_are_not_asked(files):
    train, val, test = (PoseDataset.open(files, splits=[split]) for split in ("train", "val", "test"))
    train_labels, val_labels = shared_labels(train, val)
    assert train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert val_labels.tolist() == [1] * 4 + [2] * 4 + [-1] * 4
    with pytest.raises(DataError, match="no label is in both"):
        shared_labels(PoseDataset.open(files, splits=["none"]), test)


def test_all_classifiers_and_draws(files):
    train, val = (PoseDataset.open(files, splits=[split]) for split in ("train", "val"))
    settings = PretrainSettings(size="tiny")
    encoder = untrained_encoder(settings, train, torch.device("cpu"))
    result = probe(encoder, train, val, settings.inputs, torch.device("cpu"))
    assert (result.clips, result.classes) == (8, 2)
    assert set(result.neighbor) == {1, 5, None}
    assert [len(values) for values in result.linear.values()] == [3, 3, 1]
    assert all(0 <= value <= 1 for values in result.neighbor.values() for value in values)
    assert set(result.means("val_")) == {
        f"val_{kind}_{n}" for kind in ("neighbor", "linear") for n in (1, 5, "all")
    }


def test_the_classifiers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 80)
    useful = (np.eye(4)[labels] * 5 + rng.normal(size=(80, 4))).astype(np.float32)
    useless = rng.normal(size=(80, 4)).astype(np.float32)
    for classify in (probing.nearest_classes, probing.linear_classes):
        assert (classify(useful[:40], labels[:40], useful[40:]) == labels[40:]).mean() > 0.9
        assert (classify(useless[:40], labels[:40], useless[40:]) == labels[40:]).mean() < 0.5

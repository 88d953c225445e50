"""Statistics measured for the weights, beside NumPy, torch's own layers and a run that lags behind."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.frames import encoder_input
from masa_model.inputs.labeled import open_finetune_data
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.calibration import (
    calibrate,
    calibrate_encoder,
    calibrated,
    restore_statistics,
    running_statistics,
    showing,
)
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import clip_features
from masa_model.network.norm import RowBatchNorm
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.network import NetworkSettings
from masa_model.settings.pretrain import InputSettings
from masa_model.training.checkpoint import load_checkpoint
from masa_model.training.finetune import finetune
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from masa_model.training.scoring import batch_probabilities, score_clips
from tests.masa_model.made_up_signs import NETWORK, signs, write

CPU = torch.device("cpu")
INPUTS = InputSettings()


@pytest.fixture
def file(tmp_path, provenance):
    return write(tmp_path / "signs.h5", provenance, signs(train=6, val=2, test=10))


@pytest.fixture
def clips(file):
    return PoseDataset.open(file, splits=["train"])


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return PoseEncoder(NetworkSettings.model_validate(NETWORK)).eval()


def all_at_once(clips):
    (raw,) = StreamedClips(clips).batches([np.arange(len(clips))])
    return prepare_clips(raw)


def test_the_first_layers_have_the_mean_and_variance_of_all_rows(encoder, clips, monkeypatch):
    """Over several batches, beside NumPy over all frames at once."""
    monkeypatch.setattr("masa_model.network.calibration.in_order", lambda n: np.array_split(np.arange(n), 5))
    calibrate_encoder(encoder, clips, INPUTS, CPU)
    batch = all_at_once(clips)
    body = batch.coordinates[:7].permute(2, 0, 1).flatten(1).double().numpy()
    both = [
        batch.coordinates[rows][:, :, batch.hand_present[hand]].permute(2, 0, 1).flatten(1).double().numpy()
        for hand, rows in enumerate((slice(7, 28), slice(28, 49)))
    ]
    for norm, rows in (
        (encoder.embedding.body.input_norm, body),
        (encoder.embedding.hand.input_norm, np.concatenate(both)),
    ):
        np.testing.assert_allclose(norm.running_mean, rows.mean(0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(norm.running_var, rows.var(0, ddof=1), rtol=1e-4, atol=1e-4)


def test_of_one_batch_every_layer_has_what_torch_would_give_it(encoder, clips):
    oracle = copy.deepcopy(encoder)
    calibrate_encoder(encoder, clips, INPUTS, CPU)
    for layer in oracle.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 1.0
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        oracle.train().pooled(encoder_input(all_at_once(clips)))
    for (name, ours), (_, theirs) in zip(
        running_statistics(encoder).items(), running_statistics(oracle).items(), strict=True
    ):
        if "tracked" not in name:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name)


def test_it_depends_on_weights_and_clips_alone(encoder, clips):
    calibrate_encoder(encoder, clips, INPUTS, CPU)
    first = running_statistics(encoder)
    for layer in encoder.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.fill_(17.0)
            layer.running_var.fill_(0.01)
    torch.manual_seed(99)
    calibrate_encoder(encoder.train(), clips, INPUTS, CPU)
    assert encoder.training
    assert all(value.equal(first[name]) for name, value in running_statistics(encoder).items())


def test_outside_everything_is_as_before(encoder, clips):
    before = running_statistics(encoder)
    with calibrated(encoder, showing(encoder, INPUTS, CPU), clips) as kept:
        within = running_statistics(encoder)
    after = running_statistics(encoder)
    changed = [name for name, value in before.items() if not value.equal(within[name])]
    assert any("running_mean" in name for name in changed)
    assert all(value.equal(kept[name]) and value.equal(after[name]) for name, value in before.items())
    with pytest.raises(RuntimeError), calibrated(encoder, showing(encoder, INPUTS, CPU), clips):
        raise RuntimeError
    assert all(value.equal(before[name]) for name, value in running_statistics(encoder).items())


def test_only_the_part_that_is_asked_for_changes(encoder, clips):
    before = running_statistics(encoder)
    calibrate(encoder, showing(encoder, INPUTS, CPU), clips, part=encoder.embedding.hand)
    for name, value in running_statistics(encoder).items():
        if "running_mean" in name:
            assert value.equal(before[name]) == (".body." in name), name


def test_layers_without_rows_keep_what_they_have():
    layer = RowBatchNorm(3).eval()
    layer.running_mean.fill_(5.0)
    before = running_statistics(layer)
    calibrate(layer, lambda raw: layer(torch.zeros(1, 3)), _NoClips())
    assert all(value.equal(before[name]) for name, value in running_statistics(layer).items())


class _NoClips(PoseDataset):
    """A dataset of nothing."""

    def __init__(self) -> None:
        self.lengths = np.empty(0, np.int64)
        self.number_in_file = self.file_of = np.empty(0, np.int64)
        self.files = ()

    def column(self, name):
        return np.ones(0)


def settings_with(**values):
    return FinetuneSettings.model_validate({"network": NETWORK, "batch_size": 24, "seed": 1, **values})


def train(path, settings, data, *, resume=False, **options):
    folder = RunFolder(path) if resume else RunFolder.create("finetune", path)
    for _ in finetune(settings, data, folder, CPU, **options):
        pass
    return folder


def accuracy(model, clips, settings, targets):
    scored = score_clips(model, clips, settings, CPU, [np.arange(len(clips))])
    return float((np.concatenate([found for _, found in scored]).argmax(1) == targets).mean())


def test_a_short_run_is_judged_by_what_its_weights_know(tmp_path, file):
    """A step an epoch and ten epochs: the running statistics are mostly those of the first weights."""
    settings = settings_with(epochs=10, optimizer={"learning_rate": 0.3})
    data = open_finetune_data([file], settings.data)
    folder = train(tmp_path / "run", settings, data)
    test = PoseDataset.open(file, splits=["test"])
    targets = data.classes.numbers_of(test)
    saved = load_checkpoint(folder.last)
    model = Recognizer.load(folder.last, CPU).model
    fitting = accuracy(model, test, settings, targets)
    measured = running_statistics(model)
    calibrate(model, lambda raw: batch_probabilities(model, raw, settings, CPU), data.train.clips)
    assert all(value.equal(measured[name]) for name, value in running_statistics(model).items())
    restore_statistics(model, saved.running_statistics)
    lagging = accuracy(model, test, settings, targets)
    assert len(test) >= 30
    assert fitting > lagging + 0.1


def test_neither_looking_at_val_nor_saving_changes_the_training(tmp_path, file, monkeypatch):
    """The weights after six epochs, asked after each or only at the end, stopped in between or not."""
    often, seldom = (
        settings_with(epochs=6, recipe="tuned", batch_size=8, val_every=every) for every in (1, 6)
    )
    data = open_finetune_data([file], often.data)
    whole = load_checkpoint(train(tmp_path / "often", often, data).last)
    other = load_checkpoint(train(tmp_path / "seldom", seldom, data).last)
    steps = iter(range(1000))
    stopped = train(tmp_path / "stopped", often, data, stop=lambda: next(steps) == 7)
    halfway = load_checkpoint(stopped.last)
    resumed = load_checkpoint(train(stopped.path, often, data, resume=True).last)
    for name, value in whole.model.items():
        assert value.equal(other.model[name]), name
        assert value.equal(resumed.model[name]), name
    for name, value in whole.running_statistics.items():
        assert value.equal(other.running_statistics[name]), name
        assert value.equal(resumed.running_statistics[name]), name
    assert any(
        not value.equal(halfway.model[name])
        for name, value in halfway.running_statistics.items()
        if "running_mean" in name
    )


def test_a_frozen_encoder_keeps_the_statistics_that_it_was_trained_with(tmp_path, file):
    settings = settings_with(epochs=2, freeze=True, head={"kind": "batch-norm"})
    data = open_finetune_data([file], settings.data)
    folder = train(tmp_path / "run", settings, data)
    saved = load_checkpoint(folder.last)
    for name, value in saved.running_statistics.items():
        if name.startswith("encoder."):
            assert value.equal(saved.model[name]), name
    assert not saved.model["head.0.running_mean"].equal(saved.running_statistics["head.0.running_mean"])
    # From scratch it never trains: its statistics are those of the training clips, not of nothing.
    model = Recognizer.load(folder.last, CPU).model
    features = clip_features(model.encoder, data.train.clips, settings.inputs, CPU)
    assert np.isfinite(features).all()
    assert features.std(0).max() > 0.01

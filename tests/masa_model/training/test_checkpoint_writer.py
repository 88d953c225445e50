"""Within an epoch a thread writes the checkpoint, as things were when it was due, and no error is lost."""

import threading
import time

import pytest
import torch

from masa_data.tracks.provenance import EstimatorIdentity
from masa_model.training import checkpoint_writer
from masa_model.training.checkpoint import CheckpointHeader, load_checkpoint
from masa_model.training.checkpoint_writer import CheckpointWriter

HEADER = CheckpointHeader(
    kind="pretraining",
    step=3,
    steps=10,
    settings={},
    estimator=EstimatorIdentity(name="made-up", version="1", settings={}, weights_sha256="", confidence=""),
    fingerprints=("0",),
)


@pytest.fixture
def training():
    """A model and its optimizer after one step."""
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, optimizer


def slow_disk(monkeypatch, fail=False):
    """A disk that waits for permission, and then may be full."""
    allowed, write = threading.Event(), checkpoint_writer.write_checkpoint

    def written(*arguments):
        assert allowed.wait(30)
        if fail:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(checkpoint_writer, "write_checkpoint", written)
    return allowed


def until_written(writer):
    while not writer.due_within_epoch():
        time.sleep(0.01)


def test_training_goes_on_and_the_file_has_what_was(tmp_path, monkeypatch, training):
    model, optimizer = training
    allowed = slow_disk(monkeypatch)
    writer = CheckpointWriter(tmp_path / "last.safetensors", 0, {})
    weight, moment = model.weight.clone(), optimizer.state[model.weight]["exp_avg"].clone()
    writer.write_last(
        HEADER, model, optimizer, {"mean": torch.ones(2)}, {"sums": torch.zeros(9)}, in_thread=True
    )
    assert not writer.due_within_epoch()  # one at a time
    optimizer.step()
    assert not model.weight.equal(weight)
    assert not optimizer.state[model.weight]["exp_avg"].equal(moment)
    allowed.set()
    until_written(writer)
    found = load_checkpoint(writer.last)
    assert found.model["weight"].equal(weight)
    assert any(value.equal(moment) for value in found.optimizer.values())


def test_the_next_checkpoint_waits_for_the_thread(tmp_path, monkeypatch, training):
    model, optimizer = training
    allowed = slow_disk(monkeypatch)
    writer = CheckpointWriter(tmp_path / "last.safetensors", 0, {})
    writer.write_last(HEADER, model, optimizer, {}, {}, in_thread=True)
    threading.Timer(0.2, allowed.set).start()
    writer.write_last(HEADER.model_copy(update={"step": 6}), model, optimizer, {}, {})
    assert load_checkpoint(writer.last).header.step == 6


def test_an_error_of_the_thread_reaches_the_loop(tmp_path, monkeypatch, training):
    model, optimizer = training
    slow_disk(monkeypatch, fail=True).set()
    writer = CheckpointWriter(tmp_path / "last.safetensors", 0, {})
    writer.write_last(HEADER, model, optimizer, {}, {}, in_thread=True)
    with pytest.raises(OSError, match="No space left"):
        until_written(writer)
    assert writer.due_within_epoch()  # the next one may be written
    writer.write_last(HEADER, model, optimizer, {}, {}, in_thread=True)
    with pytest.raises(OSError, match="No space left"):
        writer.write(tmp_path / "kept.safetensors", HEADER, model)
    assert not list(tmp_path.glob("*.safetensors"))

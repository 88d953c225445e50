"""A disk that is full while a run is written: what stood there stays whole, no half keeps the disk full."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from masa_model.evaluation.evaluate import Scores
from masa_model.evaluation.export import export
from masa_model.inputs.labeled import open_finetune_data
from masa_model.pictures.recorder import Recorder
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import resolve_settings
from masa_model.training.checkpoint import load_checkpoint
from masa_model.training.data import open_training_data
from masa_model.training.finetune import finetune
from masa_model.training.pretrain import pretrain
from masa_model.training.processes import Processes
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from tests.masa_model.made_up_signs import NETWORK, signs, write
from tests.small_disk import fill, small_disk

CPU = torch.device("cpu")


def exhaust(steps):
    for _ in steps:
        pass


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 8192) as place:
        yield place


def fine_tuning(path):
    settings = FinetuneSettings.model_validate({"network": NETWORK, "epochs": 2, "batch_size": 8})
    data = open_finetune_data([path], settings.data)
    return lambda folder: finetune(settings, data, folder, CPU)


def pre_training(path):
    settings = resolve_settings(
        PretrainSettings,
        options={"size": "tiny", "network": NETWORK, "epochs": 2, "batch_size": 8, "save_every": 1},
    )
    data = open_training_data([path], settings.data.splits)
    return lambda folder: pretrain(settings, data, folder, Processes(0, 1, CPU))


@pytest.mark.parametrize(("kind", "training"), [("finetune", fine_tuning), ("pretrain", pre_training)])
def test_a_run_stops_and_goes_on_as_if_nothing_had_been(disk, tmp_path, provenance, kind, training):
    train = training(write(tmp_path / "a.h5", provenance, signs()))
    undisturbed = RunFolder.create(kind, tmp_path / "undisturbed")
    exhaust(train(undisturbed))
    expected = load_checkpoint(undisturbed.last)
    kilobytes = undisturbed.last.stat().st_size // 1024
    folder = RunFolder.create(kind, disk / "run")
    filler = fill(disk, kilobytes + kilobytes // 4)  # for the first checkpoint and no more
    with pytest.raises(OSError, match="No space left"):
        exhaust(train(folder))
    left = [path for path in disk.rglob("*") if path.is_file() and path != filler]
    assert not [path for path in left if path.suffix in (".tmp", ".partial")]
    for path in left:
        if path.suffix == ".safetensors":
            load_checkpoint(path)
    filler.unlink()
    exhaust(train(folder))
    found = load_checkpoint(folder.last)
    assert found.header.step == expected.header.step
    for name, value in expected.model.items():
        assert torch.equal(found.model[name], value), name
    assert all(one["epoch"] + 1 == next_["epoch"] for one, next_ in pairwise(folder.read_metrics()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("ending", [".pt2", ".onnx"])
def test_an_exported_recognizer(disk, tmp_path, provenance, ending):
    if ending == ".onnx":
        for library in ("onnx", "onnxruntime", "onnxscript"):
            pytest.importorskip(library)
    folder = RunFolder.create("finetune", tmp_path / "run")
    exhaust(fine_tuning(write(tmp_path / "a.h5", provenance, signs()))(folder))
    target = disk / f"model{ending}"
    target.write_bytes(b"old")
    filler = fill(disk, 8)
    with pytest.raises(OSError, match="No space left"):
        export(Recognizer.load(folder.path, CPU), target)
    assert target.read_bytes() == b"old"
    assert {path.name for path in disk.iterdir()} == {target.name, filler.name}


def test_metrics_settings_scores_and_pictures(disk):
    folder = RunFolder.create("finetune", disk / "run")
    folder.append_metrics({"epoch": 0, "step": 1, "loss": 1.0})
    folder.write_json("data.json", {"files": []})
    with Recorder(folder) as recorder:
        filler = fill(disk, 0)
        record = {"epoch": 1, "step": 2, "loss": 0.5, "long": "x" * 5000}
        with pytest.raises(OSError, match="No space left"):
            folder.append_metrics(record)
        with pytest.raises(OSError, match="No space left"):
            folder.write_json("data.json", {"files": ["x" * 5000]})
        for step in range(50):
            recorder.add({"epoch": 1, "step": step, "loss": 0.5})  # TensorBoard alone is worth no run
        assert "No space left" in (recorder.picture("masks.png", _picture, 1) or "")
        scores = Scores(
            np.array(["a"] * 2000, object),
            np.random.default_rng(0).random((2000, 50), np.float32),
            np.zeros(2000, np.int64),
            tuple(map(str, range(50))),
        )
        with pytest.raises(OSError, match="No space left"):
            scores.save(disk / "scores.npz")
        filler.unlink()
    assert [line["epoch"] for line in folder.read_metrics()] == [0]
    assert json.loads((folder.path / "data.json").read_text()) == {"files": []}
    assert not list(disk.rglob("*.tmp"))
    assert not (disk / "scores.npz").exists()
    assert not (folder.path / "masks.png").exists()


def _picture():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([0, 1], [1, 0])
    return figure

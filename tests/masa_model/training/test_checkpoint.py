"""Checkpoints: what comes back, and files that are not what they say."""

import json
import pickle

import pytest
import safetensors.torch
import torch
from torch import nn

from masa_data.errors import DataError
from masa_data.tracks.provenance import EstimatorIdentity
from masa_model.training.checkpoint import (
    CheckpointHeader,
    load_checkpoint,
    read_header,
)
from masa_model.training.checkpoint_parts import load_model, load_optimizer
from masa_model.training.saving import save_checkpoint

IDENTITY = EstimatorIdentity(name="made-up", version="1", settings={}, weights_sha256="", confidence="")


def header(**more):
    return CheckpointHeader(
        kind="pretraining",
        step=3,
        steps=9,
        settings={"a": 1},
        estimator=IDENTITY,
        fingerprints=("x",),
        **more,
    )


def trained(width=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 2)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def test_all_comes_back(tmp_path):
    model, optimizer = trained()
    save_checkpoint(
        tmp_path / "a.safetensors", header(metrics={"m": 1.5}), model, optimizer, {"sums": torch.ones(2)}
    )
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    assert loaded.header == header(metrics={"m": 1.5})
    assert loaded.progress["sums"].tolist() == [1, 1]
    other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    again = torch.optim.AdamW(other.parameters(), fused=True)
    load_model(loaded, other)
    load_optimizer(loaded, again)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    x = torch.randn(5, 2)
    for network, steps in ((model, optimizer), (other, again)):
        steps.zero_grad()
        network(x).square().sum().backward()
        steps.step()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert not list(tmp_path.glob("*.partial"))


def test_another_network_is_refused(tmp_path):
    save_checkpoint(tmp_path / "a.safetensors", header(), *trained())
    loaded = load_checkpoint(tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"contains another network .*expected \(4, 2\)"):
        load_model(loaded, nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4)))
    with pytest.raises(DataError, match="is unknown"):
        load_model(loaded, nn.Sequential(nn.Linear(2, 3)))
    with pytest.raises(DataError, match="other parameters"):
        load_optimizer(loaded, torch.optim.AdamW(nn.Linear(7, 3).parameters()))
    _, optimizer = trained()
    for place in ("99", "-1", "x"):
        loaded.optimizer[f"{place}.exp_avg"] = torch.zeros(3)
        with pytest.raises(DataError, match="other parameters"):
            load_optimizer(loaded, optimizer)
        del loaded.optimizer[f"{place}.exp_avg"]


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code of a checkpoint ran",))


def hostile(tmp_path):
    model, _ = trained()
    good = tmp_path / "good.safetensors"
    save_checkpoint(good, header(), model)
    data = good.read_bytes()
    values = json.loads(header().model_dump_json())

    def with_header(**changes):
        return safetensors.torch.save({"t": torch.ones(1)}, {"masa": json.dumps(values | changes)})

    return {
        "empty": b"",
        "truncated": data[: len(data) // 2],
        "huge header": (2**62).to_bytes(8, "little") + b"{}",
        "pickle": pickle.dumps(Bomb()),
        "another's": safetensors.torch.save({"t": torch.ones(1)}),
        "no JSON": safetensors.torch.save({"t": torch.ones(1)}, {"masa": "{"}),
        "a list": safetensors.torch.save({"t": torch.ones(1)}, {"masa": "[]"}),
        "version": with_header(version=99),
        "skeleton": with_header(skeleton=["nose"]),
        "unknown field": with_header(code="print()"),
        "missing field": safetensors.torch.save(
            {"t": torch.ones(1)}, {"masa": json.dumps({"format": "masa-checkpoint", "version": 1})}
        ),
    }


def test_hostile_files_give_one_line(tmp_path):
    for name, data in hostile(tmp_path).items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            load_checkpoint(path)
        assert str(path) in caught.value.reason, name
        assert "\n" not in str(caught.value), name


def test_a_pickle_of_torchs_is_never_loaded(tmp_path):
    torch.save({"model": Bomb()}, tmp_path / "a.pt")
    with pytest.raises(DataError, match="cannot be read"):
        read_header(tmp_path / "a.pt")


def test_missing(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_header(tmp_path / "none")

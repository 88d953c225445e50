from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from masa_data.errors import DataError
from masa_data.estimators.mmpose.weights import read_state_dict

torch = pytest.importorskip("torch", reason="torch is not installed")


class Runs:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def tensors():
    return {"head.weight": torch.arange(6.0).reshape(2, 3), "head.steps": torch.tensor(7)}


def test_weights_come_back(tmp_path, tensors):
    for number, content in enumerate((tensors, {"state_dict": tensors, "meta": {"epoch": 3}})):
        torch.save(content, tmp_path / f"{number}.pth")
        found = read_state_dict(tmp_path / f"{number}.pth")
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_notes_on_the_training_are_passed_over(tmp_path, tensors):
    meta = {"sigmas": np.linspace(0, 1, 17), "best": np.float64(0.66), "names": np.array(["nose"])}
    torch.save({"meta": meta, "state_dict": tensors}, tmp_path / "a.pth")
    assert read_state_dict(tmp_path / "a.pth").keys() == tensors.keys()


def test_a_message_hub_of_mmengine_is_passed_over(tmp_path, tensors, mmpose_installed):
    from mmengine.logging.history_buffer import HistoryBuffer

    hub = {"log_scalars": {"train/loss": HistoryBuffer([1.0, 0.5], [1, 1])}}
    torch.save({"message_hub": hub, "state_dict": tensors}, tmp_path / "a.pth")
    assert read_state_dict(tmp_path / "a.pth").keys() == tensors.keys()


@pytest.mark.parametrize("old_format", [False, True])
@pytest.mark.parametrize("place", ["meta", "state_dict", "alone"])
def test_a_malicious_checkpoint_runs_nothing(tmp_path, tensors, place, old_format):
    trap = tmp_path / "sprung"
    content = {
        "meta": {"meta": Runs(trap), "state_dict": tensors},
        "state_dict": {"state_dict": {**tensors, "x": Runs(trap)}},
        "alone": Runs(trap),
    }[place]
    torch.save(content, tmp_path / "bad.pth", _use_new_zipfile_serialization=not old_format)
    with pytest.raises(DataError, match="has more than weights and was not loaded"):
        read_state_dict(tmp_path / "bad.pth")
    assert not trap.exists()


def test_the_names_that_are_passed_over_cannot_be_used_to_run_anything(tmp_path, tensors):
    """getattr is among them: it must not fetch os.system out of a module."""
    trap = tmp_path / "sprung"
    code = b"\x80\x02cbuiltins\ngetattr\ncposix\nsystem\n\x85R" + b"X\x04\x00\x00\x00true" + b"\x85R."
    (tmp_path / "a.pkl").write_bytes(code)
    with pytest.raises(DataError):
        read_state_dict(tmp_path / "a.pkl")
    assert not trap.exists()


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", pickle.dumps([1, 2]), b"PK\x03\x04" + b"\0" * 50]
)
def test_what_is_not_a_checkpoint(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_state_dict(tmp_path / "a.pth")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_weights(tmp_path):
    torch.save({"state_dict": {"a": 1}}, tmp_path / "a.pth")
    with pytest.raises(DataError, match="contains no weights"):
        read_state_dict(tmp_path / "a.pth")

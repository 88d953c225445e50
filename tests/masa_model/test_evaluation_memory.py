"""Evaluation holds one batch at a time: memory does not grow with the number of clips."""

import pytest
from click.testing import CliRunner
from masa_cli import finetune

from tests.masa_model.made_up_signs import make_sign, write
from tests.measuring import measure

FEW, MANY = 256, 4096


@pytest.fixture
def folder(tmp_path, provenance, monkeypatch):
    """A run of the network `base`, and two files of test clips of one length, so that batches are alike."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "train.h5", provenance, [make_sign(f"train{n}", n, split="train") for n in range(2)])
    for name, count in (("few.h5", FEW), ("many.h5", MANY)):
        clips = [make_sign(f"test{n}", n % 2, frames=8, split="test") for n in range(count)]
        write(tmp_path / name, provenance, clips)
    options = ["train.h5", "--from", "scratch", "--epochs", "1", "--device", "cpu"]
    done = CliRunner().invoke(finetune.main, options)
    assert done.exit_code == 0, done.output
    return tmp_path


@pytest.mark.slow
def test_sixteen_times_the_clips_take_the_same_memory(folder):
    found = {}
    for name in ("few.h5", "many.h5"):
        done = measure("evaluate", folder, folder / name, "--json", "--device", "cpu", timeout=1800)
        assert done.code == 0, done.output
        found[name] = done.megabytes
        print(f"{name}: {done.megabytes:.0f} MB, {done.seconds:.0f} s")
    assert found["many.h5"] < 1.05 * found["few.h5"]

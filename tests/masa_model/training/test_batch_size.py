"""How many clips a step has: what clips, memory and processes allow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from masa_data import DataError, PoseDataset
from masa_model.runs.pretraining import Pretraining
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training import batch_size as batch_sizes
from masa_model.training.batch_size import settle_batch_size, step_memory
from masa_model.training.processes import Processes
from masa_model.training.progress import Progress, explaining_memory
from tests.masa_model.made_up_signs import NETWORK, signs, write

CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)
GIGABYTE = 1e9


@pytest.fixture
def file(tmp_path, provenance):
    return write(tmp_path / "out.h5", provenance, signs(train=6, val=0, test=0))


def times(file, count):
    """So many clips: those of the file again and again."""
    clips = PoseDataset.open(file)
    return clips[np.arange(count) % len(clips)]


def settings_of(size="base", **more):
    return PretrainSettings.model_validate({"size": size, "network": NETWORK, **more})


@pytest.mark.parametrize(
    ("size", "clips", "expected"),
    [
        ("base", 512 * 64, 512),
        ("base", 512 * 64 - 1, 256),
        ("base", 128 * 64, 128),
        ("base", 300, 64),
        ("base", 64, 64),
        ("small", 512 * 64, 64),
        ("tiny", 512 * 64, 64),
    ],
)
def test_an_epoch_has_64_steps_where_there_are_the_clips(file, size, clips, expected, monkeypatch):
    monkeypatch.setattr(batch_sizes, "_free_memory", lambda processes: 1000 * GIGABYTE)
    found = settle_batch_size(settings_of(size), times(file, clips), ALONE)
    assert found.clips == expected
    assert bool(found.reason) == (size == "base" and expected < 512 and clips > 64)


def test_a_step_takes_at_most_70_percent_of_the_free_memory(file, monkeypatch):
    clips, settings = times(file, 512 * 64), settings_of()
    needed = step_memory(settings, clips, CPU)
    for fits in (512, 256, 32, 2):
        monkeypatch.setattr(batch_sizes, "_free_memory", lambda _, fits=fits: 1.001 * needed(fits) / 0.7)
        found = settle_batch_size(settings, clips, ALONE)
        assert found.clips == fits
        assert ("512 would need" in found.reason) == (fits < 512)


def test_several_processes_share_the_clips(file):
    clips = times(file, 100)
    three = Processes(0, 3, CPU)
    assert settle_batch_size(settings_of(batch_size=63), clips, three).clips == 63
    with pytest.raises(DataError, match="batch_size 64 and 3 processes") as error:
        settle_batch_size(settings_of(batch_size=64), clips, three)
    assert "a multiple of 3" in error.value.advice


def test_the_number_is_recorded(file, tmp_path):
    job = Pretraining.new([file], settings_of("tiny", epochs=1), ALONE, tmp_path / "run")
    assert job.settings.batch_size == 64
    next(job.train())
    assert "batch_size = 64" in (job.folder.path / "settings.toml").read_text()


def test_an_old_run_counts_by_process(file, tmp_path):
    """Until 0.1.0, batch_size was that of each process; settings of that time have no `recompute`."""
    job = Pretraining.new([file], settings_of("tiny", epochs=1, batch_size=8), ALONE, tmp_path / "run")
    next(job.train())
    for lines, expected in (("", 8), ("recompute", 16)):
        path = job.folder.path / "settings.toml"
        kept = [line for line in path.read_text().splitlines() if not (lines and line.startswith(lines))]
        path.write_text("\n".join(kept) + "\n")
        assert Pretraining.resumed(job.folder, Processes(0, 2, CPU)).settings.batch_size == expected


MEASURE = """
import sys
import numpy as np
import torch
from masa_data import PoseDataset
from masa_model.inputs.masked import pretrain_input
from masa_model.inputs.sources import StreamedClips
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.batch_size import step_memory
from masa_model.training.pretrained import build_model
from tests.measuring import peak_kilobytes

torch.set_num_threads(1)
clips = PoseDataset.open(sys.argv[1])
clips = clips[[number % len(clips) for number in range(256)]]
settings = PretrainSettings(size="tiny", recompute=sys.argv[2] == "True")
needed = step_memory(settings, clips, torch.device("cpu"))
given = pretrain_input(StreamedClips(clips).read(np.arange(256)), settings, 0)
before = peak_kilobytes()
model = build_model(settings, len(clips)).train()
if settings.recompute:
    from masa_model.training.recomputing import recompute_activations
    recompute_activations(model)
for _ in range(2):
    model(given, 0.05).total.backward()
print(1024 * (peak_kilobytes() - before) / needed(256))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize("recompute", [False, True])
def test_the_estimate_is_near_what_a_step_takes(file, recompute):
    command = [sys.executable, "-c", MEASURE, file, str(recompute)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    assert 0.5 < float(done.stdout) < 1.6


def test_a_step_that_does_not_fit_is_said_in_one_line():
    def training():
        yield Progress(1, 2, 0)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1 GiB free")

    steps = explaining_memory(training(), 512, "Start a run with half of batch_size")
    assert next(steps).step == 1
    with pytest.raises(DataError, match="a step of 512 clips does not fit") as error:
        next(steps)
    assert "\n" not in str(error.value)
    assert error.value.advice == "Start a run with half of batch_size"

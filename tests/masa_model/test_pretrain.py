"""Pre-training whole, on small files: what is used, what resumes, what two processes do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch

from masa_data.errors import DataError
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import resolve_settings
from masa_model.training.data import open_training_data
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import load_pretrained
from masa_model.training.processes import Processes
from masa_model.training.run_folder import RunFolder
from tests.conftest import make_track

ALONE = Processes(0, 1, torch.device("cpu"))
TINY = {
    "epochs": 2,
    "batch_size": 4,
    "network": {
        "blocks": (4, 4, 6, 6, 6),
        "part": 8,
        "encoder_blocks": 1,
        "decoder_blocks": 1,
        "heads": 2,
        "hidden": 16,
    },
    "alignment": {"bank_size": 5, "features": 6},
}


def settings_of(**more):
    return resolve_settings(PretrainSettings, options={"size": "tiny", **TINY, **more})


@pytest.fixture
def shard(tmp_path, provenance):
    """20 clips of train, 3 of val, 5 of test, 2 of no split; keypoints that move smoothly enough to mask."""
    splits = ["train"] * 20 + ["val"] * 3 + ["test"] * 5 + [""] * 2
    tracks = [
        make_track(
            f"clip{n}", frames=10 + n % 7, seed=n, split=split, corpus="made", label=n % 4, gloss=f"g{n % 4}"
        )
        for n, split in enumerate(splits)
    ]
    path = tmp_path / "out.h5"
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path


def run_all(settings, shard, folder, **options):
    data = open_training_data([shard], settings.data.splits, settings.data.ratio, settings.seed)
    return list(pretrain(settings, data, folder, ALONE, **options))


def tensors(path):
    return safetensors.torch.load_file(path)


def assert_same_tensors(one, other):
    one, other = tensors(one), tensors(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_only_train_and_no_split_can_reach_the_loader(shard, tmp_path):
    data = open_training_data([shard], settings_of().data.splits)
    assert set(data.clips.column("split").tolist()) == {"train", ""}
    assert data.counts == {
        ("made", ""): (2, 2),
        ("made", "test"): (0, 5),
        ("made", "train"): (20, 20),
        ("made", "val"): (0, 3),
    }
    # The positions of the other clips are wiped from the file: a run over it is the same run to the bit.
    folder = RunFolder.create("pretrain", tmp_path / "a")
    run_all(settings_of(), shard, folder)
    with h5py.File(shard, "r+") as file:
        splits = file["clips/split"].asstr()[()]
        offsets = file["clips/offset"][()]
        for number, split in enumerate(splits):
            if split in ("val", "test"):
                for name in ("positions", "confidence"):
                    file[f"frames/{name}"][offsets[number] : offsets[number + 1]] = 7
    other = RunFolder.create("pretrain", tmp_path / "b")
    run_all(settings_of(), shard, other)
    assert_same_tensors(folder.last, other.last)


def test_a_share_of_each_corpus(tmp_path, provenance):
    tracks = [
        make_track(f"{corpus}{n}", corpus=corpus)
        for corpus in ("a", "b")
        for n in range(10 if corpus == "a" else 4)
    ]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    data = open_training_data([tmp_path / "out.h5"], ["none"], 0.5)
    assert data.counts == {("a", ""): (5, 10), ("b", ""): (2, 4)}


@pytest.mark.parametrize("stop_after", [1, 5, 7])
@pytest.mark.parametrize("place", ["memory", "stream"])
def test_interrupted_is_uninterrupted(shard, tmp_path, stop_after, place):
    settings = settings_of(data={"storage": place})
    whole = RunFolder.create("pretrain", tmp_path / "whole")
    run_all(settings, shard, whole)
    parts = RunFolder.create("pretrain", tmp_path / "parts")
    steps = []
    seen = run_all(settings, shard, parts, stop=lambda: (steps.append(1), len(steps) >= stop_after)[1])
    assert len(steps) == stop_after
    assert seen == [] or seen[-1].step <= stop_after
    run_all(settings, shard, parts)
    assert_same_tensors(whole.last, parts.last)

    def lines(folder):
        return [
            {k: v for k, v in r.items() if k not in ("clips_per_second", "waiting_share")}
            for r in folder.read_metrics()
        ]

    assert lines(whole) == lines(parts)
    assert [line["epoch"] for line in lines(whole)] == [0, 1]


def test_the_loss_falls(shard, tmp_path):
    folder = RunFolder.create("pretrain", tmp_path / "run")
    run_all(settings_of(epochs=30, optimizer={"learning_rate": 0.01}), shard, folder)
    losses = [record["motion_loss"] for record in folder.read_metrics()]
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


def test_every_setting_of_the_ablations_runs(shard, tmp_path):
    for number, options in enumerate(
        (
            {"masking": {"strategy": "random"}},
            {"masking": {"rule": "released"}},
            {"masking": {"rule": "paper", "interval": 1}},
            {"masking": {"mask_set": "per_part", "denominator": "all", "magnitude": "coordinate"}},
            {"motion": {"objective": "joint"}},
            {"motion": {"interval": (1, 3, 5)}},
            {"motion": {"loss": "l1", "reduction": "sum"}},
            {"motion": {"weight": 0}},
            {"alignment": {**TINY["alignment"], "weight": 0}},
            {"inputs": {"noise": 10, "crop_reference": "clip"}},
            {"network": {**TINY["network"], "norm": "layer"}},
            {"precision": "bf16"},
        )
    ):
        folder = RunFolder.create("pretrain", tmp_path / str(number))
        run_all(settings_of(epochs=1, **options), shard, folder)
        (record,) = folder.read_metrics()
        assert all(np.isfinite(value) for value in record.values())
        model, settings, _ = load_pretrained(folder.last)
        assert not model.training
        said = json.loads(settings.model_dump_json())
        for group, values in options.items():
            for name, value in values.items() if isinstance(values, dict) else ():
                expected = (
                    [value] if (group, name) == ("motion", "interval") and isinstance(value, int) else value
                )
                assert said[group][name] == json.loads(json.dumps(expected))


def test_noise_makes_no_frame_move(shard, tmp_path):
    """The frames that are masked are those of the clips without noise; what is learned from is not."""
    records = {}
    for noise in (0.0, 10.0):
        folder = RunFolder.create("pretrain", tmp_path / str(noise))
        masking = {"motion_threshold": 60, "min_moving_fraction": 0.9}
        run_all(settings_of(epochs=1, inputs={"noise": noise}, masking=masking), shard, folder)
        (records[noise],) = folder.read_metrics()
    assert 0 < records[0.0]["masked_share"] < 0.6  # by noisy coordinates it would be more
    for name in ("masked_share", "clips_without_candidate"):
        assert records[0.0][name] == records[10.0][name]
    assert records[0.0]["motion_loss"] != records[10.0]["motion_loss"]


def test_a_loss_that_is_not_finite_names_the_clips(shard, tmp_path):
    settings = settings_of(epochs=20, optimizer={"learning_rate": 1e30, "warm_up": 0})
    folder = RunFolder.create("pretrain", tmp_path / "run")
    with pytest.raises(DataError, match=r'not finite .*"clip\d+"'):
        run_all(settings, shard, folder)


def test_another_run_is_not_resumed(shard, tmp_path):
    folder = RunFolder.create("pretrain", tmp_path / "run")
    run_all(settings_of(), shard, folder)
    with pytest.raises(DataError, match="10 steps, this one has 6"):
        run_all(settings_of(batch_size=7), shard, folder)
    with pytest.raises(DataError, match="10 steps, this one has 5"):
        run_all(settings_of(epochs=1), shard, folder)
    with pytest.raises(DataError, match=r"masking.ratio is 0.5, but .* was written with 0.9"):
        run_all(settings_of(masking={"ratio": 0.5}), shard, folder)
    with pytest.raises(DataError, match="another network"):
        run_all(settings_of(network={**TINY["network"], "hidden": 20}), shard, folder)


TWO = """
import sys, torch
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.masa_model.test_pretrain import settings_of
from masa_model.training.pretrain import pretrain
from masa_model.training.data import open_training_data
from masa_model.training.processes import joined_processes
from masa_model.training.run_folder import RunFolder
from torch import nn

nn.Dropout.__init__.__defaults__ = (0.0, False)
real = nn.Dropout.__init__
nn.Dropout.__init__ = lambda self, p=0.0, inplace=False: real(self, 0.0, inplace)
torch.set_num_threads(1)
settings = settings_of(batch_size=int(sys.argv[3]), epochs=3)
with joined_processes("cpu") as processes:
    data = open_training_data([Path(sys.argv[1])], settings.data.splits)
    folder = RunFolder(Path(sys.argv[2]))
    list(pretrain(settings, data, folder, processes))
"""


def test_two_processes_are_one(shard, tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO.format(root=str(Path(__file__).parents[2])))
    folders = [RunFolder.create("pretrain", tmp_path / name) for name in ("one", "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, script, shard, folders[0].path, "8"], check=True, timeout=120, env=environment
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *(script, shard, folders[1].path, "8"),
        ],
        check=True,
        timeout=240,
        env=environment,
        capture_output=True,
    )
    one, two = (folder.read_metrics() for folder in folders)
    assert len(one) == len(two) == 3
    for mine, theirs in zip(one, two, strict=True):
        for name in ("loss", "motion_loss", "alignment_loss"):
            assert abs(mine[name] - theirs[name]) < 1e-5 * max(1, abs(mine[name])), name
        assert mine["masked_share"] == pytest.approx(theirs["masked_share"], abs=0.02)
    banks = [tensors(folder.last) for folder in folders]
    assert torch.equal(banks[0]["model.bank.clips"], banks[1]["model.bank.clips"])
    torch.testing.assert_close(banks[0]["model.bank.keys"], banks[1]["model.bank.keys"], atol=1e-4, rtol=0)
    for name in banks[0]:
        # Those that were measured for the saved weights show every difference of the weights.
        close = 2e-2 if name.startswith("model.query.") else 1e-3
        if "running" in name:
            torch.testing.assert_close(banks[0][name], banks[1][name], atol=close, rtol=close)

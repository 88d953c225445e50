"""masa-pretrain and masa-probe as a user runs them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.track import PoseTrack
from tests.conftest import make_track

SMALL = (
    "--size=tiny",
    "--set=network.blocks=[4,4,6,6,6]",
    "--set=network.part=8",
    "--set=network.hidden=16",
    "--set=network.encoder_blocks=1",
    "--batch-size=8",
)


@pytest.fixture
def shard(tmp_path, provenance):
    """48 clips: twelve glosses that differ in how the hands move."""
    tracks = []
    for number in range(48):
        label, split = number % 12, ("train", "train", "val", "test")[number // 12]
        track = make_track(
            f"clip{number}",
            frames=12,
            seed=label,
            split=split,
            label=label,
            gloss=f"sign {label}",
            corpus="made",
        )
        jitter = np.random.default_rng(number).normal(0, 2, track.keypoints.shape)
        tracks.append(
            PoseTrack(
                track.info,
                (track.keypoints + jitter).astype(np.float32),
                track.confidence,
                track.frame_index,
                track.time,
                track.box,
            )
        )
    path = tmp_path / "out.h5"
    write_shard(path, provenance, map(quantize, tracks), sum(map(len, tracks)))
    return path


def test_a_run_and_a_probe(shard, tmp_path, run, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("masa-pretrain", shard, *SMALL, "--epochs=2", "--probe-every=2", "--profile=2")
    assert "made    train    24         24" in done.stdout
    assert "made    test      0         12" in done.stdout
    assert "The memory bank has 12 keys: half of the 24 clips." in done.stdout
    assert "epoch 2/2: motion loss" in done.stdout
    assert "2 steps profiled: " in done.stdout
    folder = tmp_path / "runs/pretrain-001"
    assert f"Next: masa-probe --run runs/pretrain-001 {shard}" in done.stdout
    for name in (
        "settings.toml",
        "data.json",
        "metrics.jsonl",
        "profile.json",
        "curves.png",
        "masks.png",
        "features.png",
        "motion.png",
        *(f"{name}.pdf" for name in ("curves", "masks", "features", "motion")),
        "checkpoints/epoch-0002.safetensors",
    ):
        assert (folder / name).stat().st_size > 100, name
    recorded = EventAccumulator(str(folder / "tensorboard"), {"images": 0})
    assert sorted(recorded.Reload().Tags()["images"]) == ["features", "masks", "motion"]
    assert [image.step for image in recorded.Images("masks")] == [6]
    first, last = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    assert "val_linear_all" not in first
    assert f"on val {last['val_neighbor_1']:.1%} with 1 clip per class" in done.stdout
    assert json.loads((folder / "data.json").read_text())["clips"] == 24

    again = call("masa-pretrain", "--config", folder / "settings.toml", shard, "--run", tmp_path / "b", "-q")
    assert again.stdout == ""
    same = (tmp_path / "b/checkpoints/last.safetensors").read_bytes()
    # The header holds how many clips a second there were.
    assert same[-1000:] == (folder / "checkpoints/last.safetensors").read_bytes()[-1000:]

    done = run("masa-probe")
    assert "12 val clips, 12 classes; top-1 accuracy" in done.stdout
    assert "interpolated positions" in done.stdout
    assert f"Next: masa-finetune {shard}" in done.stdout
    facts = json.loads(call("masa-probe", "--run", folder, shard, "--json").stdout)
    assert set(facts["trained"]) == set(facts["untrained"])
    assert {f"val_{name}": value for name, value in facts["trained"].items()}.items() <= last.items()
    assert facts["motion_loss"]["zero"] > 0
    # An epoch's own checkpoint is the same as the last one here.
    epoch = call("masa-probe", "--run", folder / "checkpoints/epoch-0002.safetensors", shard, "--json")
    assert json.loads(epoch.stdout)["trained"] == facts["trained"]


def test_pictures_without_glosses_and_without_motion_are_left_out_and_it_is_said(tmp_path, provenance, run):
    tracks = [make_track(f"clip{n}", frames=12, seed=n, split="train") for n in range(8)]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    arguments = (*SMALL, "--epochs=1", "--set=motion.weight=0", "--run", tmp_path / "run")
    done = run("masa-pretrain", tmp_path / "out.h5", *arguments)
    assert "features.png is left out: 0 clips of 0 glosses are in the splits train, val" in done.stdout
    assert "motion.png is left out: the run does not predict motion" in done.stdout
    assert sorted(path.name for path in (tmp_path / "run").glob("*.png")) == ["curves.png", "masks.png"]


def test_the_number_of_clips_of_a_step_is_said(tmp_path, provenance, call):
    tracks = [make_track(f"clip{number}", frames=12, seed=number, split="train") for number in range(72)]
    write_shard(tmp_path / "out.h5", provenance, map(quantize, tracks), sum(map(len, tracks)))
    small = [option for option in SMALL if not option.startswith(("--size", "--batch-size"))]
    small.append("--set=network.heads=4")
    said = call("masa-pretrain", tmp_path / "out.h5", "--epochs=1", *small, "--run", tmp_path / "a").stdout
    assert "Batch: 64 clips in each step (with more, an epoch of 72 clips has fewer than 64 steps)" in said
    refused = call("masa-pretrain", tmp_path / "out.h5", "--batch-size", "0", code=2)
    assert "found '0', expected a number from 1, or auto" in refused.stderr


def test_sigterm_saves_and_the_run_goes_on(shard, tmp_path, call):
    command = [str(Path(sys.executable).parent / "masa-pretrain"), str(shard), *SMALL, "--epochs=4000"]
    started = subprocess.Popen(
        [*command, "--run", str(tmp_path / "run")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    metrics = tmp_path / "run/metrics.jsonl"
    while not metrics.exists():
        assert started.poll() is None, started.communicate()
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)
    output, errors = started.communicate(timeout=60)
    assert started.returncode == 143, errors
    assert (
        f"Stopped; a checkpoint was saved. To continue: masa-pretrain --resume {tmp_path / 'run'}" in output
    )
    assert (tmp_path / "run/checkpoints/last.safetensors").exists()
    refused = call("masa-pretrain", shard, "--run", tmp_path / "run", code=2)
    assert "already contains a run" in refused.stderr
    refused = call("masa-pretrain", "--resume", tmp_path / "run", "--epochs=3", code=2)
    assert "is a run of 4,000 epochs and cannot be shortened to 3" in refused.stderr
    refused = call("masa-pretrain", "--resume", tmp_path / "run", "--seed=3", code=2)
    assert "uses the settings of the run" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no input file was given"),
        (("none.h5",), "none.h5 does not exist"),
        (("OUT", "--set", "motion.intervall=5"), "Did you mean motion.interval?"),
        (("OUT", "--set", "motion.weight=0", "--set", "alignment.weight=0"), "there is nothing to learn"),
        (
            ("OUT", "--set", "masking.rule=released", "--set", "masking.min_moving_fraction=0.3"),
            "has no effect",
        ),
        (("OUT", "--split", "none"), "no clip is of split none; the files have test, train, val"),
        (("OUT", "--device", "cuda:7"), "the device 'cuda:7' cannot be used"),
        (("--resume", "nothing"), "nothing contains no run: nothing/settings.toml is missing"),
    ],
)
def test_wrong_use_gets_one_line(shard, tmp_path, run, arguments, said):
    arguments = [shard if argument == "OUT" else argument for argument in arguments]
    done = run("masa-pretrain", *arguments, code=2, cwd=tmp_path)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_that_is_not_there(tmp_path, run):
    assert "there is no run of kind pretrain" in run("masa-probe", code=2, cwd=tmp_path).stderr

"""Runs that are killed, whenever it may be, end as those that were not."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from masa_cli.pretrain import main as pretrain_command

from masa_model.inputs.labeled import open_finetune_data
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import load_checkpoint, read_header
from masa_model.training.checkpoint_writer import CheckpointWriter
from masa_model.training.data import open_training_data
from masa_model.training.finetune import finetune
from masa_model.training.pretrain import MEASURES, pretrain
from masa_model.training.run_folder import RunFolder
from tests.masa_model.forked_commands import Forker
from tests.masa_model.made_up_runs import (
    FINETUNE,
    SMALL,
    TORCHRUN,
    assert_same_run,
    begin,
    command,
    finish,
    kill_when,
    metrics,
)
from tests.masa_model.made_up_signs import signs, write
from tests.masa_model.test_finetune import settings_with
from tests.masa_model.test_pretrain import ALONE, run_all, settings_of, shard  # noqa: F401


@pytest.fixture
def file(tmp_path, provenance):
    return write(tmp_path / "signs.h5", provenance, signs())


def tuned(file, folder, *, stop=lambda: False, **values):
    settings = settings_with(recipe="tuned", epochs=3, **values)
    data = open_finetune_data([file], settings.data, settings.seed)
    return list(finetune(settings, data, folder, torch.device("cpu"), stop=stop))


def copy_of(folder: RunFolder, path: Path) -> RunFolder:
    """A run's folder as a process that was killed just now leaves it."""
    return RunFolder(Path(shutil.copytree(folder.path, path)))


@pytest.fixture(autouse=True)
def written_when_due(monkeypatch):
    """Wait for the thread that writes a checkpoint, so that each step leaves its own."""
    write = CheckpointWriter.write_last

    def write_and_wait(writer, *arguments, **options):
        write(writer, *arguments, **options)
        writer._finish()

    monkeypatch.setattr(CheckpointWriter, "write_last", write_and_wait)


def each_step(run, folder, place):
    """Copies of the folder after every step of a run."""
    return [copy_of(folder, place / str(number)) for number, _ in enumerate(run)]


def test_pretraining_goes_on_from_any_step_and_ends_the_same(shard, tmp_path):  # noqa: F811
    """Checkpoints within epochs change nothing, and each of them leads to the same end."""
    whole = RunFolder.create("pretrain", tmp_path / "whole")
    run_all(settings_of(), shard, whole)
    often = RunFolder.create("pretrain", tmp_path / "often")
    settings = settings_of(save_minutes=0)
    data = open_training_data([shard], settings.data.splits)
    left = each_step(pretrain(settings, data, often, ALONE), often, tmp_path / "left")
    assert_same_run(whole.path, often.path)
    assert [read_header(folder.last).step for folder in left] == [1, 2, 3, 4, 4, 6, 7, 8, 9, 10]
    for folder in (left[0], left[3], left[7]):
        run_all(settings, shard, folder)
        assert_same_run(whole.path, folder.path)


def test_finetuning_goes_on_from_any_step_and_ends_the_same(file, tmp_path):
    whole = RunFolder.create("finetune", tmp_path / "whole")
    tuned(file, whole)
    often = RunFolder.create("finetune", tmp_path / "often")
    settings = settings_with(recipe="tuned", epochs=3, save_minutes=0)
    data = open_finetune_data([file], settings.data, settings.seed)
    left = each_step(finetune(settings, data, often, torch.device("cpu")), often, tmp_path / "left")
    assert_same_run(whole.path, often.path)
    for folder in (left[0], left[4], left[6]):
        tuned(file, folder, save_minutes=0)
        assert_same_run(whole.path, folder.path)


def test_without_a_checkpoint_a_run_begins_again(shard, file, tmp_path):  # noqa: F811
    whole, none = (RunFolder.create("pretrain", tmp_path / name) for name in ("a", "b"))
    run_all(settings_of(), shard, whole)
    none.append_metrics({"epoch": 0, "loss": 1.0})  # the checkpoint of this epoch was never written
    run_all(settings_of(), shard, none)
    assert_same_run(whole.path, none.path)
    whole, none = (RunFolder.create("finetune", tmp_path / name) for name in ("c", "d"))
    tuned(file, whole)
    tuned(file, none)
    assert_same_run(whole.path, none.path)


def test_a_checkpoint_to_be_kept_that_is_missing_is_written(shard, tmp_path):  # noqa: F811
    folder = RunFolder.create("pretrain", tmp_path / "run")
    run_all(settings_of(), shard, folder)
    kept = folder.checkpoints / "epoch-0002.safetensors"
    before = kept.read_bytes()
    kept.unlink()
    run_all(settings_of(), shard, folder)
    assert kept.read_bytes() == before


def test_a_finished_run_is_made_longer(shard, file, tmp_path):  # noqa: F811
    """At once, or with a stop in between, to the same end; the learning rate is that of the longer run."""
    first = RunFolder.create("pretrain", tmp_path / "run")
    run_all(settings_of(), shard, first)
    second = copy_of(first, tmp_path / "other")
    run_all(settings_of(epochs=4), shard, first)
    steps = iter(range(100))
    run_all(settings_of(epochs=4), shard, second, stop=lambda: next(steps) == 2)
    run_all(settings_of(epochs=4), shard, second)
    assert_same_run(first.path, second.path)
    rates = [record["learning_rate"] for record in metrics(first.path)]
    # Steps 14 and 19 of 20, after a warm-up of one: the line falls from 1e-3 to 0.
    assert rates[2:] == pytest.approx([1e-3 * (20 - 14) / 19, 1e-3 * (20 - 19) / 19])
    assert rates[1] < rates[2]
    folder = RunFolder.create("finetune", tmp_path / "recogniser")
    tuned(file, folder)
    settings = settings_with(recipe="tuned", epochs=5)
    data = open_finetune_data([file], settings.data, settings.seed)
    list(finetune(settings, data, folder, torch.device("cpu")))
    assert [record["epoch"] for record in metrics(folder.path)] == [0, 1, 2, 3, 4]


def undisturbed(name: str, run: Path, whole: Path) -> None:
    """The same run, in this process and without a checkpoint within an epoch."""
    folder = RunFolder.create(name, whole)
    files = RunFolder(run).files()
    if name == "masa-pretrain":
        settings = RunFolder(run).read_settings(PretrainSettings).model_copy(update={"save_minutes": 10.0})
        list(pretrain(settings, open_training_data(files, settings.data.splits), folder, ALONE))
    else:
        settings = RunFolder(run).read_settings(FinetuneSettings).model_copy(update={"save_minutes": 10.0})
        data = open_finetune_data(files, settings.data, settings.seed)
        list(finetune(settings, data, folder, torch.device("cpu")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["masa-pretrain", "masa-finetune"])
def test_a_command_that_is_killed_twice_ends_as_one_that_is_not(name, file, tmp_path):
    """Once before the first checkpoint, once as soon as there is one; meanwhile a second is refused."""
    options = (*(SMALL if name == "masa-pretrain" else FINETUNE), "--epochs=4")
    run = tmp_path / "run"
    last = run / "checkpoints" / "last.safetensors"
    assert kill_when(
        begin(command(name), file, *options, "--run", run), lambda: (run / "settings.toml").exists()
    )
    going_on = (command(name), "--resume", run)
    if not last.exists():
        started = begin(*going_on)
        assert kill_when(started, last.exists)
    with RunFolder(run).held():
        refused = begin(*going_on)
        assert f"another process trains in {run}" in refused.communicate(timeout=300)[0]
        assert refused.returncode == 2
    finish(*going_on)
    undisturbed(name, run, tmp_path / "whole")
    assert_same_run(tmp_path / "whole", run)


_IN_A_ROW = 5


def kill_at_random(name: str, file: Path, options: tuple[str, ...], tmp_path: Path, kills: int) -> None:
    """Kill runs after random times, so many times in all; each must end as one that was not killed."""
    whole, said = tmp_path / "whole", tmp_path / "said.txt"
    with Forker() as forker:

        def one(run: Path, seconds: float | None) -> bool:
            """Begin a run or go on with it; whether it was killed."""
            begun = (run / "settings.toml").exists()
            arguments = ("--resume", run) if begun else (file, *options, "--run", run)
            return forker.run(name, arguments, said, seconds)

        assert not one(tmp_path / "first", None)  # which reads from the disk what others find in memory
        started = time.monotonic()
        assert not one(whole, None)
        longest = time.monotonic() - started
        chance = random.Random(0)
        done = early = runs = 0
        while done < kills:
            run = tmp_path / f"run{runs}"
            runs += 1
            for number in range(_IN_A_ROW):
                started = time.monotonic()
                if not one(run, chance.uniform(0, longest)):
                    if number == 0:  # the machine is faster than it was
                        longest = time.monotonic() - started
                    break
                done += 1
                early += not (run / "checkpoints" / "last.safetensors").exists()
            assert not one(run, None)
            assert_same_run(whole, run)
            print(f"{name}: {done} kills of {runs} runs, {early} before the first checkpoint", flush=True)


@pytest.mark.slow
def test_thirty_random_kills_of_pretraining(file, tmp_path):
    kill_at_random("masa-pretrain", file, (*SMALL, "--epochs=10"), tmp_path, 30)


@pytest.mark.slow
def test_twenty_random_kills_of_finetuning(file, tmp_path):
    kill_at_random("masa-finetune", file, (*FINETUNE, "--epochs=10"), tmp_path, 20)


@pytest.mark.slow
def test_torchrun_takes_the_name_of_the_folder(file, tmp_path):
    run = tmp_path / "run"
    finish(*TORCHRUN, "-m", "masa_cli.pretrain", file, *SMALL, "--epochs=2", "--run-folder", run)
    assert [record["step"] for record in metrics(run)] == [1, 2]
    checkpoint = load_checkpoint(run / "checkpoints" / "last.safetensors")
    assert checkpoint.header.step == checkpoint.header.steps == 2
    assert checkpoint.progress["sums"].shape == (2, len(MEASURES))


@pytest.mark.slow
def test_one_of_two_processes_is_killed_and_both_go_on(file, tmp_path):
    start = (*TORCHRUN, "-m", "masa_cli.pretrain")
    options = (*SMALL, "--batch-size=2", "--epochs=10")  # six steps an epoch
    whole, run = tmp_path / "whole", tmp_path / "run"
    finish(*start, file, *options, "--run-folder", whole)
    started = begin(*start, file, *options, "--run-folder", run)
    last = run / "checkpoints" / "last.safetensors"
    while not last.exists():
        assert started.poll() is None, started.communicate()[0]
        time.sleep(0.01)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    output, _ = started.communicate(timeout=300)
    assert started.returncode != 0, output
    assert read_header(last).step < read_header(last).steps
    finish(*start, "--resume", run, "--device=cpu")
    assert_same_run(whole, run)


@pytest.mark.slow
def test_the_command_makes_a_finished_run_longer(file, tmp_path):
    run = tmp_path / "run"

    def call(*arguments: object) -> str:
        done = CliRunner().invoke(pretrain_command, list(map(str, arguments)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    call(file, *SMALL, "--epochs=1", "--run", run)
    said = call("--resume", run, "--epochs=2", "--device=cpu")
    assert f"{run} is made longer, from 1 to 2 epochs." in said
    assert "epoch 2/2: motion loss" in said
    assert "epoch 1/2" not in said
    assert RunFolder(run).read_settings(PretrainSettings).epochs == 2
    assert [record["epoch"] for record in metrics(run)] == [0, 1]
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "epoch-0001.safetensors",
        "epoch-0002.safetensors",
        "last.safetensors",
    ]

"""Runs of a second or two, as the commands make them, to be stopped, killed and changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch

SMALL = (
    *("--size=tiny", "--set=network.blocks=[4,4,6,6,6]", "--set=network.part=8", "--set=network.hidden=16"),
    *("--set=network.encoder_blocks=1", "--set=network.heads=2", "--batch-size=8", "--device=cpu"),
    "--set=alignment.bank_size=5",
    "--set=save_minutes=0",  # a checkpoint after every step
)
FINETUNE = (
    *("--from=scratch", "--size=tiny", "--set=network.blocks=[8,8,8,8,8]", "--set=network.part=8"),
    *("--set=network.hidden=16", "--set=network.encoder_blocks=1", "--set=network.heads=2"),
    *("--batch-size=8", "--device=cpu", "--recipe=tuned", "--set=save_minutes=0"),
)
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# What a clock decides.
_TIMED = ("clips_per_second", "waiting_share")


def command(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def begin(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(map(str, arguments)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def finish(*arguments: object) -> str:
    started = begin(*arguments)
    output, _ = started.communicate(timeout=600)
    assert started.returncode == 0, output
    return output


def kill_when(started: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """SIGKILL to a command and all of its processes as soon as it is so; False if it ended before."""
    while not condition():
        if started.poll() is not None:
            started.communicate()
            return False
        time.sleep(0.005)
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    return True


def assert_same_run(one: Path, other: Path) -> None:
    """Every checkpoint to the bit, and every line of metrics but for speeds."""
    names = sorted(path.name for path in (one / "checkpoints").iterdir())
    assert names == sorted(path.name for path in (other / "checkpoints").iterdir())
    for name in names:
        mine, theirs = (safetensors.torch.load_file(run / "checkpoints" / name) for run in (one, other))
        assert mine.keys() == theirs.keys(), name
        for tensor, value in mine.items():
            if tensor != "progress.sums":  # of how long was waited
                assert torch.equal(value, theirs[tensor]), (name, tensor)
    assert metrics(one) == metrics(other)


def metrics(run: Path) -> list[dict[str, float]]:
    from masa_model.training.run_folder import RunFolder

    return [
        {name: value for name, value in record.items() if name not in _TIMED}
        for record in RunFolder(run).read_metrics()
    ]

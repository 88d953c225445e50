"""masa-extract that is interrupted, killed, or loses a worker."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from masa_data import PoseShards
from tests.conftest import ESTIMATOR

MASA_EXTRACT = str(Path(sys.executable).parent / "masa-extract")


@pytest.mark.parametrize("most", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(footage, tmp_path, run, most):
    run("masa-extract", footage, tmp_path / "whole.h5", "--split-by", "random")
    out = tmp_path / "killed.h5"
    command = [MASA_EXTRACT, str(footage), str(out), "--split-by", "random", *ESTIMATOR]
    chance = random.Random(0)
    kills = finished = 0
    while kills < most:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.2, 4.5))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:  # it finished first: begin again from nothing
            assert process.returncode == 0
            assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
            out.unlink()
            finished += 1
    run("masa-extract", *command[1:])
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.h5", "whole.h5"]
    print(f"{kills} kills, {finished + 1} extractions that ended, each with the same bytes")


@contextmanager
def started(*arguments):
    """A masa-extract under way, with its first clip done."""
    command = [MASA_EXTRACT, *map(str, arguments), "-v", *ESTIMATOR]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.endswith(" frames\n"):
                break
        yield process


def worker_processes(parent: int) -> list[int]:
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/status")
        if f"PPid:\t{parent}\n" in path.read_text()
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_within_two_seconds_and_says_how_to_go_on(footage, tmp_path, run, number):
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(
            f"{number.name} is ignored here, as by all that a shell starts with &, and commands inherit it"
        )
    taken = []
    for attempt in range(3):  # other tests may keep the machine busy at the moment
        out = tmp_path / f"out{attempt}.h5"
        with started(footage, out) as process:
            process.send_signal(number)
            start = time.monotonic()
            _, errors = process.communicate(timeout=20)
        if process.returncode == 0:  # it was done before it was told to stop
            continue
        taken.append(time.monotonic() - start)
        assert process.returncode == 130, errors
        assert "run the same command again to continue" in errors
        assert not out.exists()
        if taken[-1] < 2:
            break
    assert min(taken) < 2, taken
    assert "already done; continuing with" in run("masa-extract", footage, out).stdout


def test_workers_do_not_outlive_a_killed_parent(footage, tmp_path):
    with started(footage, tmp_path / "out.h5") as process:
        workers = worker_processes(process.pid)
        assert len(workers) >= 2
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "workers go on after their parent was killed"
        time.sleep(0.1)


def test_a_worker_that_dies_costs_the_clip_it_was_at(footage, tmp_path):
    out = tmp_path / "out.h5"
    with started(footage, out, "--workers", "1") as process:
        for pid in worker_processes(process.pid):
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    failures = tmp_path / "out.h5.failures.jsonl"
    problems = list(map(json.loads, failures.read_text().splitlines())) if failures.exists() else []
    assert len(problems) <= 1  # none, if it was killed between two clips
    died = "the worker process died during this clip"
    assert all(problem["reason"].startswith(died) for problem in problems)
    assert process.returncode == (3 if problems else 0), errors
    with PoseShards.open(out) as tracks:
        assert len(tracks) == 12 - len(problems)

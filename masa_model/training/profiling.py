"""Profile some steps of a training loop: where the time goes, and how much of it is spent waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch.profiler import ProfilerActivity, profile

from masa_data.errors import DataError
from masa_model.training.progress import WAITING, Progress

# The first steps allocate memory, choose algorithms and compile.
_WARM_UP: Final = 3
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of some steps went.

    Attributes:
        steps: number of profiled steps.
        seconds: seconds of a step, on the host.
        waiting: fraction of this time in which the host waited for the next batch, 0..1.
        operations: the most expensive operations: name, seconds and calls in a step; on a GPU, seconds of the
            GPU.
        trace: file for https://ui.perfetto.dev or chrome://tracing.
    """

    steps: int
    seconds: float
    waiting: float
    operations: tuple[tuple[str, float, float], ...]
    trace: Path


def profiled(
    training: Iterator[Progress],
    steps: int,
    trace: Path,
    device: torch.device,
    report: Callable[[Profile], None],
) -> Iterator[Progress]:
    """Profile some steps of a training loop, after a few steps that are not typical.

    Args:
        training: the training loop; nothing else changes for it.
        steps: number of steps to profile, at least 1.
        trace: file to write the trace to.
        device: device that the loop trains on.
        report: called once, with the result.

    Yields:
        the progress of the loop.

    Raises:
        DataError: if the loop ends before enough steps were made.
        OSError: if the trace cannot be written.
    """
    # Otherwise the profiler writes to the terminal that it begins and ends.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    profiler = profile(activities=activities)
    made, started = 0, 0.0
    for progress in training:
        made += 1
        if made == _WARM_UP:
            _wait_for(device)
            profiler.start()
            started = time.perf_counter()
        if made == _WARM_UP + steps:
            _wait_for(device)
            seconds = time.perf_counter() - started
            profiler.stop()
            profiler.export_chrome_trace(str(trace))
            report(_summary(profiler, steps, seconds / steps, trace, on_gpu=device.type == "cuda"))
        yield progress
    if 0 < made < _WARM_UP + steps:
        if made >= _WARM_UP:
            profiler.stop()
        raise DataError(
            f"the run had only {made} steps, but a profile of {steps} needs {_WARM_UP + steps}",
            "Profile fewer steps, or train for more epochs",
        )


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _summary(profiler: profile, steps: int, seconds: float, trace: Path, *, on_gpu: bool) -> Profile:
    waiting, operations = 0.0, []
    for event in profiler.key_averages():
        if event.key == WAITING:
            waiting = event.cpu_time_total / 1e6
            continue
        own = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        operations.append((event.key, own / 1e6 / steps, event.count / steps))
    operations.sort(key=lambda operation: -operation[1])
    return Profile(steps, seconds, waiting / (seconds * steps), tuple(operations[:_SHOWN]), trace)

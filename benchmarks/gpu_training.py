"""Pre-training on a GPU: clips a second, share of its peak, memory and waiting, for several batch sizes.

`python -m benchmarks.gpu_training --device cuda` trains `base` in bf16 on made-up clips of 61 frames, eager
and compiled, with all that a run does: threads read and prepare clips, which are then copied. `--device cpu
--size tiny --batch-sizes 8` tries the same without a GPU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import PAPER_CLIPS, PAPER_EPOCHS, matrix_rate, write_moving
from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.masked import PretrainInput, pretrain_input
from masa_model.inputs.sources import epoch_batches, open_source, prepared_on
from masa_model.settings.choices import Precision, Size
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.compiling import compile_network
from masa_model.training.optimizer import make_optimizer
from masa_model.training.precision import autocast
from masa_model.training.pretrained import build_model

WARM_UP, STEPS = 5, 20


@dataclass(frozen=True)
class Measured:
    """Of STEPS steps: seconds of one, its arithmetic, the share of time without work, and peak memory."""

    seconds: float
    operations: float
    waiting: float
    memory: float


class Clock:
    """Times at which work begins and ends on a device; on a GPU without making the host wait."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._marks: list[torch.cuda.Event | float] = []

    def mark(self) -> None:
        """Remember this place in the work of the device."""
        if self._on_gpu:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append(event)
        else:
            self._marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """The seconds of each mark after the first one."""
        if self._on_gpu:
            torch.cuda.synchronize()
        first = self._marks[0]
        return [
            first.elapsed_time(mark) / 1000 if isinstance(first, torch.cuda.Event) else mark - first
            for mark in self._marks
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", default="base", choices=("base", "small", "tiny"))
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 128, 256, 512, 1024])
    options = parser.parse_args()
    device = torch.device(options.device)
    precision: Precision = "bf16" if device.type == "cuda" else "fp32"
    peak = matrix_rate(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    print(f"{options.size}, {precision}; matrix products: {peak / 1e12:.1f} TFLOP/s")
    print("clips  compiled  clips/s  of the peak  waiting  memory   400 epochs")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clips.h5"
        write_moving(path, clips=max(options.batch_sizes))
        clips = PoseDataset.open(path)
        for batch_size in options.batch_sizes:
            for compiled in (False, True):
                begin = f"{batch_size:5}  {'yes' if compiled else 'no':8}"
                try:
                    found = measure(clips, device, options.size, precision, batch_size, compiled=compiled)
                except torch.OutOfMemoryError:
                    print(f"{begin}  does not fit into the memory")
                    continue
                hours = PAPER_CLIPS * PAPER_EPOCHS * found.seconds / batch_size / 3600
                print(
                    f"{begin}  {batch_size / found.seconds:7,.0f}  "
                    f"{found.operations / found.seconds / peak:11.0%}  {found.waiting:7.1%}  "
                    f"{found.memory / 2**30:4.1f} GiB  {hours:6,.1f} h",
                    flush=True,
                )


def measure(
    clips: PoseDataset,
    device: torch.device,
    size: Size,
    precision: Precision,
    batch_size: int,
    *,
    compiled: bool,
) -> Measured:
    """Train some steps as a run does, without checkpoints."""
    settings = PretrainSettings(size=size, batch_size=batch_size, precision=precision)
    torch.set_float32_matmul_precision("high")
    model = build_model(settings, 2 * PAPER_CLIPS).to(device).train()
    learning = (parameter for parameter in model.parameters() if parameter.requires_grad)
    optimizer = make_optimizer(settings.optimizer, model, [(learning, settings.optimizer.learning_rate)])
    order = (epoch_batches(len(clips), batch_size, 0, epoch)[0] for epoch in range(WARM_UP + STEPS + 1))
    batches = prepared_on(
        open_source(clips), order, partial(pretrain_input, settings=settings, epoch=0), device
    )

    def step(given: PretrainInput) -> None:
        with autocast(precision, device):
            losses = model(given, 0.05)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        model.after_step(losses.keys, given.numbers)

    with FlopCounterMode(display=False) as counter:
        step(next(batches))
    if compiled:
        compile_network(model)
    for _ in range(WARM_UP):
        step(next(batches))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    clock = Clock(device)
    clock.mark()
    for given in batches:
        clock.mark()  # the device has nothing to do from the end of a step to the arrival of the next batch
        step(given)
        clock.mark()
    first, *marks = clock.seconds()
    ends = [first, *marks[1::2]]
    waiting = sum(begin - end for end, begin in zip(ends, marks[::2], strict=False))
    memory = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Measured(ends[-1] / STEPS, counter.get_total_flops(), waiting / ends[-1], memory)


if __name__ == "__main__":
    main()

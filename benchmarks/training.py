"""Speed of training: the data path, steps of pre-training and fine-tuning beside their arithmetic, waiting.

benchmarks/gpu_training.py measures pre-training on a GPU.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from benchmarks.reading import FRAMES, PROVENANCE, write_noise
from masa_data import ClipInfo, PoseTrack
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.inputs.batch import RawClips
from masa_model.inputs.frames import EncoderInput, encoder_input
from masa_model.inputs.masked import PretrainInput, pretrain_input
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_training_frames
from masa_model.inputs.sources import ClipsInMemory, StreamedClips, epoch_batches
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.data import open_training_data
from masa_model.training.optimizer import make_optimizer
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.recipe import learning_parameters
from masa_model.training.recognizer import build_network
from masa_model.training.run_folder import RunFolder

PAPER_CLIPS, PAPER_EPOCHS = 146_000, 400
STEP_FRAMES = 61

Batch = TypeVar("Batch")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args(arguments or [])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.h5"
        write_noise(path, 4000)
        data_path(path)
        path = Path(folder) / "signs.h5"
        write_moving(path, clips=max(64, 2 * options.batch_size))
        clips = PoseDataset.open(path)
        training_step(clips, options.batch_size)
        finetuning_step(clips)
        waiting(path, Path(folder))


def data_path(path: Path) -> None:
    """From the mapped file to all that a step reads: views, masks, targets, index lists. On one core."""
    clips = PoseDataset.open(path)
    with one_core():
        for source in (StreamedClips(clips), ClipsInMemory(clips)):
            best = min(_seconds_of_an_epoch(source, len(clips)) for _ in range(3))
            print(
                f"{type(source).__name__}: {len(clips) / best:,.0f} clips of {FRAMES} frames/s on one core "
                "(at least 15,000)"
            )


def _seconds_of_an_epoch(source: StreamedClips | ClipsInMemory, clips: int) -> float:
    start = time.perf_counter()
    settings = PretrainSettings()
    for numbers in epoch_batches(clips, 64, 0, 0):
        pretrain_input(source.read(numbers), settings, 0)
    return time.perf_counter() - start


def training_step(clips: PoseDataset, batch_size: int) -> None:
    """The `base` network: clips a second, and the time of a step beside that of its matrix products alone."""
    settings = PretrainSettings()
    model = build_model(settings, 20_000).train()
    counted = count_linear(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    batches = [pretrain_input(raw, settings, 0) for raw in two_batches(clips, batch_size)]

    def step(given: PretrainInput) -> None:
        losses = model(given, 0.05)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        model.after_step(losses.keys, given.numbers)

    visible = len(batches[0].clips.visible) / len(batches[0].clips.position)
    print_beside_arithmetic(f"base, pre-training, {visible:.0%} visible", step, batches, counted, batch_size)


def finetuning_step(clips: PoseDataset) -> None:
    """A step of fine-tuning of `tiny`, 64 clips of 32 frames, all of the network learning."""
    settings = FinetuneSettings(recipe="tuned", size="tiny")
    model = build_network(settings, 100).train()
    counted = count_linear(model)
    optimizer = make_optimizer(settings.optimizer, model, learning_parameters(settings, model))
    sampling = settings.sampling
    batches = [
        encoder_input(sample_training_frames(prepare_clips(raw), sampling.frames, sampling.how, (0, 0)))
        for raw in two_batches(clips, settings.batch_size)
    ]

    def step(frames: EncoderInput) -> None:
        scores = model(frames)
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores, torch.arange(len(scores))).backward()
        optimizer.step()

    print_beside_arithmetic("tiny, fine-tuning", step, batches, counted, settings.batch_size)


def two_batches(clips: PoseDataset, batch_size: int) -> list[RawClips]:
    """Two of them, or the one there is."""
    return [*map(ClipsInMemory(clips).read, epoch_batches(len(clips), batch_size, 0, 0)[:2])]


def print_beside_arithmetic(
    name: str,
    step: Callable[[Batch], None],
    batches: list[Batch],
    counted: list[float],
    clips: int,
) -> None:
    """Clips a second, and how many times as long a step takes as its matrix products would alone."""
    step(batches[0])
    counted.clear()
    step(batches[0])
    needed = sum(counted)
    times, rates = [], []
    for number in range(5):  # the two in turn: a noisy machine is noisy for both
        rates.append(matrix_rate(torch.device("cpu"), torch.float32))
        start = time.perf_counter()
        step(batches[number % len(batches)])
        times.append(time.perf_counter() - start)
    seconds, rate = float(np.median(times)), float(np.median(rates))
    print(
        f"{name}, {clips} clips: {clips / seconds:.2f} clips/s; "
        f"{needed / 1e9:,.0f} GFLOP in linear layers, {rate / 1e9:,.0f} GFLOP/s in matrix products: "
        f"{seconds * rate / needed:.2f} times what they need"
    )


def count_linear(model: nn.Module) -> list[float]:
    """A list to which each linear layer adds its arithmetic: thrice its product if it learns, else once."""
    counted: list[float] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        rows = output.numel() / output.shape[-1] if output.numel() else 0
        learns = 3 if layer.weight.requires_grad else 1
        counted.append(learns * 2 * rows * layer.weight.numel())

    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(count)
    return counted


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product."""
    size = 8192 if device.type == "cuda" else 2048
    one = torch.randn(size, size, device=device, dtype=dtype)
    one @ one
    repeats = 10 if device.type == "cuda" else 4
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        one @ one
    if device.type == "cuda":
        torch.cuda.synchronize()
    return repeats * 2 * size**3 / (time.perf_counter() - start)


def waiting(path: Path, folder: Path) -> None:
    """Which share of a run's time is spent waiting for data, streamed from disk."""
    settings = PretrainSettings(size="tiny", epochs=4, batch_size=16, data={"storage": "stream"})
    data = open_training_data([path], settings.data.splits)
    run = RunFolder.create("pretrain", folder / "run")
    for _ in pretrain(settings, data, run, Processes(0, 1, torch.device("cpu"))):
        pass
    share = np.mean([record["waiting_share"] for record in run.read_metrics()[1:]])
    print(f"tiny, streamed: {share:.2%} of the time is spent waiting for data (under 1 %)")


def write_moving(path: Path, clips: int) -> None:
    """Clips of 61 frames that stand still for half of them, then sign: about 55 % stay visible."""
    rng = np.random.default_rng(0)
    place = rng.uniform(-15, 15, (clips, 1, 49, 2)) + np.array([320, 240])
    place[:, :, 7:28] += np.array([80, 60])
    place[:, :, 28:] += np.array([-80, 60])
    steps = rng.normal(0, 3, (clips, STEP_FRAMES, 49, 2)) * (np.arange(STEP_FRAMES) > 28)[:, None, None]
    keypoints = place + np.cumsum(steps, axis=1)
    tracks = [
        PoseTrack.with_missing(
            ClipInfo(f"clip{n}", "clip.mp4", "made", "", -1, "", width=640, height=480, end=STEP_FRAMES),
            keypoints[n],
            np.ones((STEP_FRAMES, 49)),
            np.arange(STEP_FRAMES),
            np.arange(STEP_FRAMES) / 25,
        )
        for n in range(clips)
    ]
    write_shard(path, PROVENANCE, map(quantize, tracks), clips * STEP_FRAMES)


@contextmanager
def one_core() -> Iterator[None]:
    """Everything on one core."""
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(cores)})
    torch.set_num_threads(1)
    yield
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(threads)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])

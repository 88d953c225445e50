"""Speed of training: the data path, steps of pre-training and fine-tuning beside their arithmetic, waiting.

`--device cuda` is the same on a GPU, in bfloat16 and with torch.compile, with the hours that 400 epochs over
the four corpora would take.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.reading import FRAMES, PROVENANCE, write_noise
from masa_data import ClipInfo, PoseTrack
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.masking import choose_key_frames, masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_training_frames
from masa_model.inputs.sources import ClipsInMemory, StreamedClips, epoch_batches
from masa_model.settings.choices import Size
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.data import open_training_data
from masa_model.training.optimizer import make_optimizer
from masa_model.training.precision import autocast
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.recipe import learning_parameters
from masa_model.training.recognizer import build_network
from masa_model.training.run_folder import RunFolder

PAPER_CLIPS, PAPER_EPOCHS = 146_000, 400
STEP_FRAMES = 61


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args(arguments or [])
    device = torch.device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.h5"
        write_noise(path, 4000)
        if device.type == "cpu":
            data_path(path)
        path = Path(folder) / "signs.h5"
        write_moving(path, clips=max(64, 2 * options.batch_size))
        training_step(path, device, options.batch_size)
        finetuning_step(path, device, "base" if device.type == "cuda" else "tiny")
        waiting(path, Path(folder), device)


def data_path(path: Path) -> None:
    """From the mapped file to parts, motion, masks and both views, on one core."""
    clips = PoseDataset.open(path)
    with one_core():
        for source in (StreamedClips(clips, torch.device("cpu")), ClipsInMemory(clips, torch.device("cpu"))):
            best = min(_seconds_of_an_epoch(source, len(clips)) for _ in range(3))
            print(
                f"{type(source).__name__}: {len(clips) / best:,.0f} clips of {FRAMES} frames/s on one core "
                "(at least 5,000; aim 10,000)"
            )


def _seconds_of_an_epoch(source: StreamedClips | ClipsInMemory, clips: int) -> float:
    start = time.perf_counter()
    for raw in source.batches(epoch_batches(clips, 64, 0, 0)):
        batch = prepare_clips(raw)
        masks_of(Motion(batch), PretrainSettings().masking, 3, (0, 0))
        choose_key_frames(batch, 0.5, (0, 0))
    return time.perf_counter() - start


def training_step(path: Path, device: torch.device, batch_size: int) -> None:
    """The `base` network: clips a second, and the time of a step beside that of its matrix products alone."""
    clips = PoseDataset.open(path)
    on_gpu = device.type == "cuda"
    settings = PretrainSettings()
    model = build_model(settings, 20_000).to(device).train()
    counted = count_linear(model)
    if on_gpu:
        for module in (model.query.encoder, model.key.encoder, model.decoder.transformer):
            module.compile(dynamic=True)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    batches = prepared_batches(clips, device, batch_size)

    def step(batch: PoseBatch) -> None:
        with autocast("bf16" if on_gpu else "fp32", device):
            losses = model(batch, (0, 0), 0.05)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        model.after_step(losses.keys, batch.numbers)

    visible = float((~model.choose_masked(Motion(batches[0]), (0, 0))[0].all(0)).float().mean())
    seconds = print_beside_arithmetic(
        f"base, pre-training, {visible:.0%} visible", step, batches, counted, device
    )
    if on_gpu:
        hours = PAPER_CLIPS * PAPER_EPOCHS / (batch_size / seconds) / 3600
        print(
            f"peak memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB; 400 epochs over the four "
            f"corpora ({PAPER_CLIPS:,} clips): {hours:,.0f} hours"
        )


def finetuning_step(path: Path, device: torch.device, size: Size) -> None:
    """A step of fine-tuning, 64 clips of 32 frames, all of the network learning."""
    clips = PoseDataset.open(path)
    settings = FinetuneSettings(recipe="tuned", size=size)
    model = build_network(settings, 100).to(device).train()
    counted = count_linear(model)
    optimizer = make_optimizer(settings.optimizer, model, learning_parameters(settings, model))
    batches = [
        sample_training_frames(batch, settings.sampling.frames, settings.sampling.how, (0, 0))
        for batch in prepared_batches(clips, device, settings.batch_size)
    ]

    def step(batch: PoseBatch) -> None:
        with autocast("bf16" if device.type == "cuda" else "fp32", device):
            scores = model(batch).float()
        optimizer.zero_grad()
        nn.functional.cross_entropy(scores, batch.numbers % 100).backward()
        optimizer.step()

    print_beside_arithmetic(f"{size}, fine-tuning", step, batches, counted, device)


def prepared_batches(clips: PoseDataset, device: torch.device, batch_size: int) -> list[PoseBatch]:
    """Two of them, or the one there is."""
    numbers = epoch_batches(len(clips), batch_size, 0, 0)[:2]
    return [prepare_clips(raw) for raw in ClipsInMemory(clips, device).batches(numbers)]


def print_beside_arithmetic(
    name: str,
    step: Callable[[PoseBatch], None],
    batches: list[PoseBatch],
    counted: list[float],
    device: torch.device,
) -> float:
    """Clips a second, and how many times as long a step takes as its matrix products would alone.

    Returns:
        the median seconds of a step.
    """
    on_gpu = device.type == "cuda"
    step(batches[0])
    counted.clear()
    step(batches[0])
    needed = sum(counted)
    times, rates = [], []
    for number in range(30 if on_gpu else 5):  # the two in turn: a noisy machine is noisy for both
        rates.append(matrix_rate(device, torch.bfloat16 if on_gpu else torch.float32))
        start = time.perf_counter()
        step(batches[number % len(batches)])
        if on_gpu:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    seconds, rate = float(np.median(times)), float(np.median(rates))
    clips, frames = batches[0].clips, batches[0].frames
    print(
        f"{name}, {clips} clips of {frames / clips:.0f} frames: {clips / seconds:.2f} clips/s; "
        f"{needed / 1e9:,.0f} GFLOP in linear layers, {rate / 1e9:,.0f} GFLOP/s in matrix products: "
        f"{seconds * rate / needed:.2f} times what they need"
    )
    return seconds


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


def waiting(path: Path, folder: Path, device: torch.device) -> None:
    """Which share of a run's time is spent waiting for data, streamed from disk."""
    settings = PretrainSettings(size="tiny", epochs=4, batch_size=16, data={"storage": "stream"})
    data = open_training_data([path], settings.data.splits)
    run = RunFolder.create("pretrain", folder / "run")
    for _ in pretrain(settings, data, run, Processes(0, 1, device)):
        pass
    share = np.mean([record["waiting_share"] for record in run.read_metrics()[1:]])
    print(f"tiny, streamed: {share:.2%} of the time is spent waiting for data (under 2 %)")


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

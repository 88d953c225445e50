"""Frames per second of our MMPose estimator beside MMPose's own inferencer: same clips, weights and machine.

    python -m benchmarks.mmpose [--device cuda] [--model fast] [--rounds 3] [--checkpoint FILE] VIDEO...

Without a checkpoint the weights are random, which costs the same time. MMPoseInferencer is given the whole
frame as the box, so that it runs no person detector, as we run none. Both decode the video files themselves.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from masa_data.estimators.mmpose.config import read_config
from masa_data.estimators.mmpose.estimator import MMPoseTopDown
from masa_data.estimators.mmpose.models import PRESETS, find_model
from masa_data.estimators.mmpose.options import MMPoseOptions
from masa_data.estimators.mmpose.stand_ins import quietly, stand_ins
from masa_data.video.frames import Video


def main(words: list[str] | None = None) -> None:
    """Measure and print ratios; each round runs all of them, and the best round of each counts.

    Args:
        words: of the command line; None takes the process's own.
    """
    arguments = _arguments(words)
    with quietly(), tempfile.TemporaryDirectory() as folder:
        checkpoint = arguments.checkpoint or _random_checkpoint(arguments.model, Path(folder))
        theirs = _their_inferencer(arguments.model, checkpoint, arguments.device)
        options = MMPoseOptions(arguments.model, str(checkpoint), person="whole-frame")
        runs: dict[str, Callable[[], int]] = {
            "MMPoseInferencer, its defaults": lambda: _run_theirs(theirs, arguments.videos)
        }
        choices = {
            "ours, one frame at a time": replace(options, batch_size=1),
            "ours, defaults": options,
            "ours, no flip test": replace(options, flip_test=False),
        }
        if arguments.device != "cpu":
            choices["ours, bf16"] = replace(options, precision="bf16")
        for name, choice in choices.items():
            runs[name] = _ours(MMPoseTopDown(choice, arguments.device), arguments.videos)
        rates = _measure(runs, arguments.rounds)
    print(
        f"{arguments.model} on {arguments.device}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads"
    )
    base = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"{name:32} {rate:8.1f} frames/s   ratio {rate / base:.2f}")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="fast", help=f"{', '.join(PRESETS)}, or a configuration's name")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args(words)


def _measure(runs: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Frames per second of each, the best of several rounds after one that warms up."""
    rates = dict.fromkeys(runs, 0.0)
    for round_number in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            frames = run()
            if round_number > 0:
                rates[name] = max(rates[name], frames / (time.perf_counter() - start))
    return rates


def _ours(estimator: MMPoseTopDown, videos: list[Path]) -> Callable[[], int]:
    def run() -> int:
        return sum(
            1 for video in videos for _ in estimator.estimate((frame.image for frame in Video(video)), None)
        )

    return run


def _run_theirs(inferencer: Any, videos: list[Path]) -> int:  # noqa: ANN401
    return sum(1 for video in videos for _ in inferencer(str(video)))


def _their_inferencer(model: str, checkpoint: Path, device: str) -> Any:  # noqa: ANN401
    with stand_ins():
        from mmpose.apis import MMPoseInferencer

        return MMPoseInferencer(
            pose2d=read_config(find_model(model)),
            pose2d_weights=str(checkpoint),
            det_model="whole_image",
            device=device,
            show_progress=False,
        )


def _random_checkpoint(model: str, folder: Path) -> Path:
    with stand_ins():
        from mmpose.apis import init_model

        torch.manual_seed(0)
        network = init_model(read_config(find_model(model)), device="cpu")
    path = folder / "random.pth"
    torch.save({"state_dict": network.state_dict()}, path)
    return path


if __name__ == "__main__":
    main()

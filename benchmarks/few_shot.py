"""Few clips a class, with and without pre-training: the table of docs/reproduction.md.

`python -m benchmarks.few_shot signs.h5 --pretrained runs/pretrain-001` fine-tunes every cell of the table
that is not in the cache yet, one on each core, and prints those that are. It may be stopped; the same command
goes on.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.few_shot_columns import COLUMNS
from benchmarks.few_shot_rows import SHOTS, Setting, drawn, settings_of, shots_name
from masa_data import PoseDataset
from masa_data.extraction.workers import run_in_workers
from masa_model.pictures.style import BLUE, GRAY, ORANGE, SKY, new_figure, png_of, style
from masa_model.training.run_folder import RunFolder

SEEDS = 3


def cells(settings: list[Setting]) -> Iterator[tuple[Setting, str, int]]:
    """All of the first seed, then of the next, those with few clips first: one may stop early."""
    for seed in range(SEEDS):
        for setting in sorted(settings, key=lambda setting: len(drawn(setting, seed))):
            for column in COLUMNS:
                yield setting, column, seed


def cell_name(row: str, column: str, seed: int) -> str:
    return f"{row} / {column} / {seed}"


def measure_cell(file: Path, pretrained: Path, cell: tuple[str, str, int]) -> tuple[float, float]:
    """In a process of its own, on one thread: the accuracy, and the seconds that it took."""
    torch.set_num_threads(1)
    row, column, seed = cell
    started = time.monotonic()
    clips = PoseDataset.open(file)
    setting = next(setting for setting in settings_of(clips) if setting.name == row)
    return COLUMNS[column](clips, setting, pretrained, seed), time.monotonic() - started


def measure_all(
    wanted: list[tuple[Setting, str, int]],
    file: Path,
    pretrained: Path,
    processes: int,
    hours: float,
) -> Iterator[tuple[str, float, float]]:
    """The name, accuracy and seconds of each cell as it is done; none begins after so many hours."""
    began = time.monotonic()
    in_time = takewhile(lambda _: time.monotonic() - began < hours * 3600, wanted)
    names = ((setting.name, column, seed) for setting, column, seed in in_time)
    for cell, outcome in run_in_workers(functools.partial(measure_cell, file, pretrained), names, processes):
        if isinstance(outcome, BaseException):
            raise outcome
        yield cell_name(*cell), *outcome


def table(settings: list[Setting], accuracy: dict[str, float]) -> str:
    """Mean top-1 of the seeds that are done, in percent, their spread, and how many they are."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for setting in settings:
        row = [setting.name]
        for column in COLUMNS:
            values = measured(setting.name, column, accuracy)
            spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
            row.append(f"{np.mean(values):.1f}{spread} ({len(values)})" if values else "–")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def measured(row: str, column: str, accuracy: dict[str, float]) -> list[float]:
    """In percent, of the seeds that are done."""
    names = [cell_name(row, column, seed) for seed in range(SEEDS)]
    return [100 * accuracy[name] for name in names if name in accuracy]


def draw(accuracy: dict[str, float]) -> Figure:
    """Top-1 over the number of clips a class: the mean, and a point for each seed."""
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    lines = {
        "logistic regression": (GRAY, ":"),
        "untrained, 1-NN": (SKY, ":"),
        "pre-trained, 1-NN": (SKY, "-"),
        "scratch, paper": (ORANGE, ":"),
        "pre-trained, paper": (ORANGE, "-"),
        "scratch, tuned": (BLUE, ":"),
        "pre-trained, tuned": (BLUE, "-"),
    }
    for column, (color, dashes) in lines.items():
        found = {shots: measured(shots_name(shots), column, accuracy) for shots in SHOTS}
        found = {shots: values for shots, values in found.items() if values}
        means = [np.mean(values) for values in found.values()]
        axes.plot(list(found), means, dashes, marker="o", markersize=3, color=color, label=column)
        for shots, values in found.items():
            axes.plot([shots] * len(values), values, "o", color=color, markersize=4, alpha=0.4)
    axes.set_xscale("log")
    axes.set_xticks(SHOTS, [str(shots) for shots in SHOTS])
    axes.minorticks_off()
    axes.set_xlabel("clips a class to learn from")
    axes.set_ylabel("right answers on test (top-1), %")
    axes.legend()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="keypoints_signs, imported")
    parser.add_argument(
        "--pretrained", type=Path, required=True, help="a run of masa-pretrain, or a checkpoint"
    )
    parser.add_argument("--cache", type=Path, default=Path("runs/few-shot.json"))
    parser.add_argument("--only", default="", help="cells whose name holds this")
    parser.add_argument(
        "--processes", type=int, default=len(os.sched_getaffinity(0)), help="as many cells at once"
    )
    parser.add_argument("--hours", type=float, default=np.inf, help="begin no cell after so long")
    given = parser.parse_args()
    pretrained = given.pretrained
    if pretrained.is_dir():
        pretrained = RunFolder(pretrained).last
    clips = PoseDataset.open(given.file)
    settings = settings_of(clips)
    given.cache.parent.mkdir(parents=True, exist_ok=True)
    accuracy = json.loads(given.cache.read_text()) if given.cache.exists() else {}
    wanted = [
        cell
        for cell in cells(settings)
        if (name := cell_name(cell[0].name, *cell[1:])) not in accuracy and given.only in name
    ]
    for name, value, seconds in measure_all(wanted, given.file, pretrained, given.processes, given.hours):
        accuracy[name] = value
        given.cache.write_text(json.dumps(accuracy, indent=1) + "\n")
        print(f"{name}: {value:.3f} ({seconds:.0f} s)", flush=True)
    print(table(settings, accuracy))
    with style():
        given.cache.with_suffix(".png").write_bytes(png_of(draw(accuracy)))


if __name__ == "__main__":
    main()

"""Few clips a class, with and without pre-training: the table of docs/reproduction.md.

`python -m benchmarks.few_shot signs.h5 --pretrained runs/pretrain-001` fine-tunes every cell of the table
that is not in the cache yet, one on each core, and prints those that are. It may be stopped; the same command
goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from masa_data import PoseDataset
from masa_model.features import clip_features, in_order
from masa_model.finetune import finetune
from masa_model.finetune_settings import FinetuneSettings, Recipe
from masa_model.pictures.style import BLUE, GREY, ORANGE, SKY, new_figure, png_of, style
from masa_model.pretrained import load_pretrained, with_pretrained
from masa_model.probe import draw_shots, untrained_encoder
from masa_model.recogniser import load_classifier, score_clips
from masa_model.training.labelled import Classes, FinetuneData, LabelledClips
from masa_model.training.run_folder import RunFolder

CPU = torch.device("cpu")
SEEDS = 3
SOURCES_LEFT_OUT = (
    "Laya303/ASL-Word-Level-Translation-Using-LSTM",
    "Jeet10/RealTimeGestureBasedSignLanguageRecognitionSystem",
    "Neat11/realtime-SignLanguage",
)


@dataclass(frozen=True)
class Setting:
    """Who learns from what: numbers of clips of the file and (N,) class numbers, −1 for clips of no class."""

    name: str
    targets: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    shots: int | None


SHOTS = (1, 3, 5, 10)


def settings_of(clips: PoseDataset) -> list[Setting]:
    split = clips.column("split").astype(str)
    signer = clips.column("signer").astype(str)
    gloss = clips.column("gloss").astype(str)
    source = np.array([text.partition(":")[0] for text in gloss])
    sign = np.array([text.partition(":")[2].lower().replace("_", " ").strip() for text in gloss])
    nothing = np.empty(0, np.int64)

    def numbered(texts: np.ndarray, among: np.ndarray) -> np.ndarray:
        known = np.unique(texts[among])
        return np.where(np.isin(texts, known), np.searchsorted(known, texts), -1)

    asked = numbered(gloss, split == "test")
    of = {name: np.flatnonzero((split == name) & (asked >= 0)) for name in ("train", "val", "test")}
    found = [Setting(shots_name(shots), asked, of["train"], of["val"], of["test"], shots) for shots in SHOTS]
    wlasl = source == "Adarsha16/ASL_tester"
    train, test = np.flatnonzero(wlasl & (split == "train")), np.flatnonzero(wlasl & (split == "val"))
    found.append(Setting("50 WLASL glosses", numbered(gloss, train), train, nothing, test, None))
    one, other = signer == "traduttore/s2", (signer == "traduttore/s3") & (split == "test")
    both = np.isin(gloss, np.intersect1d(gloss[one], gloss[other]))
    targets = numbered(gloss, one & both)
    found.append(
        Setting(
            "signer s2 to s3, 5 clips a class",
            targets,
            np.flatnonzero(one & both),
            nothing,
            np.flatnonzero(other & both),
            5,
        )
    )
    for left_out in SOURCES_LEFT_OUT:
        there, elsewhere = source == left_out, (source != left_out) & (split == "train")
        shared = np.isin(sign, np.intersect1d(sign[there], sign[elsewhere]))
        targets = numbered(sign, shared & elsewhere)
        test = np.flatnonzero(there & shared & (split == "test"))
        name = f"{left_out.partition('/')[0]} left out, 30 clips a class"
        found.append(Setting(name, targets, np.flatnonzero(elsewhere & shared), nothing, test, 30))
    return found


def shots_name(shots: int) -> str:
    return f"{shots} clip{'s' * (shots > 1)} a class"


def labelled(clips: PoseDataset, setting: Setting, numbers: np.ndarray) -> LabelledClips:
    return LabelledClips(clips.part(numbers), setting.targets[numbers])


def drawn(setting: Setting, seed: int) -> np.ndarray:
    return setting.train[draw_shots(setting.targets[setting.train], setting.shots, seed)]


def linear(clips: PoseDataset, setting: Setting, pretrained: Path, seed: int) -> float:
    """Logistic regression on 16 frames, between the shoulders and in shoulder widths."""
    train = drawn(setting, seed)
    known = np.stack([resampled(clips, number) for number in train])
    asked = np.stack([resampled(clips, number) for number in setting.test])
    model = make_pipeline(
        StandardScaler(),
        PCA(min(128, len(train)), random_state=seed),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    model.fit(known, setting.targets[train])
    return float(model.score(asked, setting.targets[setting.test]))


def resampled(clips: PoseDataset, number: int) -> np.ndarray:
    track = clips[number]
    chosen = np.linspace(0, len(track) - 1, 16).round().astype(int)
    points = track.keypoints[chosen]
    shoulders = np.nanmean(points[:, [1, 4]], axis=(0, 1)) if np.isfinite(points[:, [1, 4]]).any() else 0
    width = np.nanmedian(np.linalg.norm(points[:, 1] - points[:, 4], axis=1))
    placed = (points - shoulders) / (width if np.isfinite(width) and width > 0 else 100)
    return np.nan_to_num(placed).ravel()


def neighbour(*, trained: bool) -> Callable[[PoseDataset, Setting, Path, int], float]:
    """The class of the nearest clip by a frozen encoder's features."""

    def measure(clips: PoseDataset, setting: Setting, pretrained: Path, seed: int) -> float:
        model, settings, _ = load_pretrained(pretrained)
        train = drawn(setting, seed)
        encoder = model.query.encoder
        if not trained:
            encoder = untrained_encoder(settings, clips.part(train), CPU, seed)
        known = clip_features(encoder, clips.part(train), settings.inputs, CPU)
        asked = clip_features(encoder, clips.part(setting.test), settings.inputs, CPU)
        classifier = make_pipeline(StandardScaler(), KNeighborsClassifier(1, metric="cosine"))
        classifier.fit(known, setting.targets[train])
        return float(classifier.score(asked, setting.targets[setting.test]))

    return measure


def tuned(recipe: Recipe, *, trained: bool) -> Callable[[PoseDataset, Setting, Path, int], float]:
    """Fine-tuning; where there is val, the epoch is chosen by it, else it is the last."""

    def measure(clips: PoseDataset, setting: Setting, pretrained: Path, seed: int) -> float:
        size = load_pretrained(pretrained)[1].size
        settings = FinetuneSettings(recipe=recipe, size=size, seed=seed, val_every=15)
        if trained:
            settings = with_pretrained(settings, pretrained)
        train = labelled(clips, setting, drawn(setting, seed))
        count = int(setting.targets.max()) + 1
        classes = Classes(tuple(("signs", number) for number in range(count)), ("",) * count)
        data = FinetuneData(train, labelled(clips, setting, setting.val), classes)
        with tempfile.TemporaryDirectory() as place:
            folder = RunFolder.create("finetune", Path(place))
            for _ in finetune(settings, data, folder, CPU):
                pass
            found = load_classifier(folder.path, CPU)
        test = labelled(clips, setting, setting.test)
        scored = score_clips(found.model, test.clips, settings, CPU, in_order(len(test)))
        return float((np.concatenate([p for _, p in scored]).argmax(1) == test.targets).mean())

    return measure


COLUMNS: dict[str, Callable[[PoseDataset, Setting, Path, int], float]] = {
    "logistic regression": linear,
    "untrained, 1-NN": neighbour(trained=False),
    "pre-trained, 1-NN": neighbour(trained=True),
    "scratch, paper": tuned("paper", trained=False),
    "pre-trained, paper": tuned("paper", trained=True),
    "scratch, tuned": tuned("tuned", trained=False),
    "pre-trained, tuned": tuned("tuned", trained=True),
}


def cells(settings: list[Setting]) -> Iterator[tuple[Setting, str, int]]:
    """All of the first seed, then of the next, those with few clips first: one may stop early."""
    for seed in range(SEEDS):
        for setting in sorted(settings, key=lambda setting: len(drawn(setting, seed))):
            for column in COLUMNS:
                yield setting, column, seed


def cell_name(row: str, column: str, seed: int) -> str:
    return f"{row} / {column} / {seed}"


def measure_cell(file: Path, pretrained: Path, row: str, column: str, seed: int) -> tuple[float, float]:
    """In a process of its own, on one thread: the accuracy, and the seconds that it took."""
    torch.set_num_threads(1)
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
    began, remaining = time.monotonic(), iter(wanted)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        running: dict[Future[tuple[float, float]], str] = {}
        while True:
            free = processes - len(running) if time.monotonic() - began < hours * 3600 else 0
            for setting, column, seed in islice(remaining, free):
                cell = pool.submit(measure_cell, file, pretrained, setting.name, column, seed)
                running[cell] = cell_name(setting.name, column, seed)
            if not running:
                return
            for cell in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(cell), *cell.result()


def table(settings: list[Setting], accuracy: dict[str, float]) -> str:
    """Mean top-1 of the seeds that are done, in percent, and how many they are where not all."""
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
        "logistic regression": (GREY, ":"),
        "untrained, 1-NN": (SKY, ":"),
        "pre-trained, 1-NN": (SKY, "-"),
        "scratch, paper": (ORANGE, ":"),
        "pre-trained, paper": (ORANGE, "-"),
        "scratch, tuned": (BLUE, ":"),
        "pre-trained, tuned": (BLUE, "-"),
    }
    for column, (colour, dashes) in lines.items():
        found = {shots: measured(shots_name(shots), column, accuracy) for shots in SHOTS}
        found = {shots: values for shots, values in found.items() if values}
        means = [np.mean(values) for values in found.values()]
        axes.plot(list(found), means, dashes, marker="o", markersize=3, color=colour, label=column)
        for shots, values in found.items():
            axes.plot([shots] * len(values), values, "o", color=colour, markersize=4, alpha=0.4)
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

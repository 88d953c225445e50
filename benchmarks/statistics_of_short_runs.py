"""What statistics measured for the weights are worth in short runs: figures of docs/reproduction.md.

`python -m benchmarks.statistics_of_short_runs signs.h5` trains three recognizers of 13 signs, three clips a
class, 20 epochs, by each recipe, and asks all test clips with the running averages that training kept, with
what was saved, and with statistics measured on other numbers of clips.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data import PoseDataset
from masa_model.inputs.labeled import Classes, FinetuneData, LabeledClips, draw_shots
from masa_model.network.calibration import calibrate, restore_statistics
from masa_model.network.classifier import RecognizerNetwork
from masa_model.network.features import in_order
from masa_model.settings.choices import Recipe
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import load_checkpoint
from masa_model.training.finetune import finetune
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from masa_model.training.scoring import batch_probabilities, score_clips

CPU = torch.device("cpu")
SOURCE = "traduttore/traduttore-model"
SEEDS = 3
NUMBERS_OF_CLIPS = (32, 128, 256, 1024)


def measure(clips: PoseDataset, recipe: Recipe, epochs: int, shots: int, seed: int) -> dict[str, float]:
    """Top-1 of the test clips by each kind of statistics."""
    classes = Classes.of(clips)
    targets = classes.numbers_of(clips)
    split = clips.column("split").astype(str)

    def of(name: str) -> LabeledClips:
        numbers = np.flatnonzero(split == name)
        if name == "train":
            numbers = numbers[draw_shots(targets[numbers], shots, seed)]
        return LabeledClips(clips.part(numbers), targets[numbers])

    data, test = FinetuneData(of("train"), of("val"), classes), of("test")
    settings = FinetuneSettings(recipe=recipe, size="tiny", seed=seed, epochs=epochs, val_every=epochs)
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create("finetune", Path(place))
        for _ in finetune(settings, data, folder, CPU):
            pass
        model, running = (
            Recognizer.load(folder.last, CPU).model,
            load_checkpoint(folder.last).running_statistics,
        )
    found = {"saved": accuracy(model, test.clips, test.targets, settings)}
    for most in NUMBERS_OF_CLIPS:
        calibrate(
            model, lambda raw: batch_probabilities(model, raw, settings, CPU), data.train.clips, most=most
        )
        found[f"{most} clips"] = accuracy(model, test.clips, test.targets, settings)
    restore_statistics(model, running)
    return {"running averages": accuracy(model, test.clips, test.targets, settings)} | found


def accuracy(
    model: RecognizerNetwork, clips: PoseDataset, targets: NDArray[np.int64], settings: FinetuneSettings
) -> float:
    scored = score_clips(model, clips, settings, CPU, in_order(len(clips)))
    return float((np.concatenate([found for _, found in scored]).argmax(1) == targets).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="keypoints_signs, imported")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--shots", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = PoseDataset.open(given.file)
    source = np.array([text.partition(":")[0] for text in clips.column("gloss").astype(str)])
    clips = clips.part(np.flatnonzero(source == SOURCE))
    recipes: tuple[Recipe, ...] = ("tuned", "paper")
    for recipe in recipes:
        for seed in range(SEEDS):
            found = measure(clips, recipe, given.epochs, given.shots, seed)
            print(recipe, seed, ", ".join(f"{name} {100 * value:.1f} %" for name, value in found.items()))


if __name__ == "__main__":
    main()

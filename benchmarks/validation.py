"""What measured batch statistics cost: a validation with them and without, in turn, on one core."""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.reading import write_noise
from benchmarks.training import one_core
from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.labeled import Classes, FinetuneData, LabeledClips
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.recognizer import build_network
from masa_model.training.validation import fitting_statistics, validate

CLASSES = 100
TRAIN, VAL = 1000, 1000
CPU = torch.device("cpu")


def main() -> None:
    settings = FinetuneSettings(recipe="tuned", size="tiny")
    with tempfile.TemporaryDirectory() as folder, one_core():
        path = Path(folder) / "noise.h5"
        write_noise(path, TRAIN + VAL)
        data = made_up_labels(PoseDataset.open(path))
        model = build_network(settings, CLASSES).train()
        alone, measured = [], []
        for _ in range(4):  # in turn: a noisy machine is noisy for both
            start = time.perf_counter()
            validate(model, data, settings, CPU)
            between = time.perf_counter()
            with fitting_statistics(model, settings, data, CPU):
                validate(model, data, settings, CPU)
            alone.append(between - start)
            measured.append(time.perf_counter() - between)
    ratio = np.median(np.divide(measured, alone)[1:])
    print(
        f"validation of {VAL:,} clips, tiny: {np.median(alone[1:]):.1f} s; with measured statistics "
        f"{ratio:.2f} times as long (at most 1.2)"
    )


def made_up_labels(clips: PoseDataset) -> FinetuneData:
    """The first clips to train on, the others to validate on; the time does not depend on their classes."""
    targets = np.arange(len(clips)) % CLASSES
    classes = Classes(tuple(("", number) for number in range(CLASSES)), tuple(map(str, range(CLASSES))))
    parts = (slice(TRAIN), slice(TRAIN, None))
    train, val = (LabeledClips(clips[part], targets[part]) for part in parts)
    return FinetuneData(train, val, classes)


if __name__ == "__main__":
    main()

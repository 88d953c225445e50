"""What the rule of masking teaches: features on sources that pre-training never saw.

`python -m benchmarks.mask_rules signs.h5 --mmpose FOLDER` pre-trains `tiny` on fifteen sources of
keypoints_signs, with each rule and seed, on the confidences as they are and on confidences of hands
drawn from those that MMPose gave. It asks nearest neighbors and a linear classifier about the four
sources left out. Cells that are done are kept; the same command continues.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import masa_data
from masa_data import PoseDataset, PoseTrack
from masa_data.shards.quantize import StoredTrack, quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.skeleton import LEFT_HAND
from masa_model.evaluation.probe import linear_classes, nearest_classes, untrained_encoder
from masa_model.inputs.labeled import draw_shots
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import clip_features
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.data import TrainingData
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import load_pretrained
from masa_model.training.processes import joined_processes
from masa_model.training.run_folder import RunFolder

LEFT_OUT = (
    "divyashC/BSL-Word-Level",
    "tamtridung/ASL_SignWish",
    "luja-manandhar/Sign-Language-Recognition-using-LSTM",
    "G4CiO/Sign-Language-Recognition-with-Computer-Vison",
)
RULES = {"parts": {}, "paper": {"rule": "paper", "denominator": "visible"}}
SEEDS, SHOTS, DRAWS, EPOCHS = 3, (1, 3, 5), 3, 8
CPU = torch.device("cpu")
Classifier = Callable[[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]], NDArray[np.int64]]


def write_graded(file: Path, mmpose: Path, out: Path) -> None:
    """The same clips, with confidences of hands drawn from those that MMPose gave on two clips."""
    size, found = (1280, 720), []
    for path in sorted(mmpose.glob("*.mmpose133.json")):
        track = masa_data.load_mmpose(path, size=size, fps=30)
        found.append(track.confidence[:, LEFT_HAND.start :].ravel())
    pool = np.concatenate(found)
    clips = PoseDataset.open(file)

    def tracks() -> Iterator[StoredTrack]:
        for number in range(len(clips)):
            track = clips[number]
            random = np.random.default_rng([number, 7])
            confidence = track.confidence.copy()
            hands = confidence[:, LEFT_HAND.start :]
            seen = hands > 0
            hands[seen] = np.maximum(pool[random.integers(len(pool), size=int(seen.sum()))], 1 / 255)
            yield quantize(
                PoseTrack.with_missing(
                    track.info, track.keypoints, confidence, track.frame_index, track.time, track.box
                )
            )

    write_shard(out, clips.files[0].provenance, tracks(), int(clips.lengths.sum()))


def measure(file: Path, rule: str, seed: int) -> dict[str, float]:
    """Pre-train on the other sources, and ask about those left out: accuracies 0..1."""
    clips = PoseDataset.open(file)
    gloss, split = clips.column("gloss").astype(str), clips.column("split").astype(str)
    left_out = np.isin([text.partition(":")[0] for text in gloss], LEFT_OUT)
    settings = PretrainSettings.model_validate(
        {"size": "tiny", "seed": seed, "masking": RULES[rule], "epochs": EPOCHS}
    )
    train = clips.part(np.flatnonzero(~left_out & (split == "train")))
    with tempfile.TemporaryDirectory() as folder, joined_processes("cpu") as processes:
        run = RunFolder.create("pretrain", Path(folder) / "run")
        for _ in pretrain(settings, TrainingData(train, {}), run, processes):
            pass
        last = run.read_metrics()[-1]
        model, _, _ = load_pretrained(run.last)
    found = {"masked": last["masked_share"], "motion loss": last["motion_loss"]}
    known = np.flatnonzero(left_out & (split == "train"))
    asked = np.flatnonzero(left_out & (split != "train"))
    numbers = np.searchsorted(np.unique(gloss[known]), gloss)
    encoders = {"": model.query.encoder, "untrained ": untrained_encoder(settings, train, CPU, seed)}
    for name, encoder in encoders.items():
        features = _features(encoder, clips, (known, asked), settings)
        for shots in SHOTS:
            for kind, classify in (("nearest", nearest_classes), ("linear", linear_classes)):
                found[f"{name}{kind} {shots}"] = _accuracy(
                    classify, features, (numbers[known], numbers[asked]), shots
                )
    return found


def _features(
    encoder: PoseEncoder,
    clips: PoseDataset,
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
    settings: PretrainSettings,
) -> list[NDArray[np.float32]]:
    calibrate_encoder(encoder, clips.part(parts[0]), settings.inputs, CPU)
    return [clip_features(encoder, clips.part(part), settings.inputs, CPU) for part in parts]


def _accuracy(
    classify: Classifier,
    features: list[NDArray[np.float32]],
    labels: tuple[NDArray[np.int64], NDArray[np.int64]],
    shots: int,
) -> float:
    values = []
    for draw in range(DRAWS):
        gallery = draw_shots(labels[0], shots, draw)
        guessed = classify(features[0][gallery], labels[0][gallery], features[1])
        values.append(float((guessed == labels[1]).mean()))
    return float(np.mean(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="keypoints_signs, imported")
    parser.add_argument("--mmpose", type=Path, required=True, help="folder of MMPose's JSON of two clips")
    parser.add_argument("--cache", type=Path, default=Path("runs/mask-rules.json"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cells = json.loads(given.cache.read_text()) if given.cache.exists() else {}
    graded = given.cache.with_name("graded.h5")
    if not graded.exists():
        write_graded(given.file, given.mmpose, graded)
    for seed in range(SEEDS):
        for confidence, file in (("graded", graded), ("as is", given.file)):
            for rule in RULES:
                name = f"{confidence} / {rule} / {seed}"
                if name not in cells:
                    cells[name] = measure(file, rule, seed)
                    given.cache.write_text(json.dumps(cells, indent=1) + "\n")
                print(name, {key: round(value, 3) for key, value in cells[name].items()}, flush=True)


if __name__ == "__main__":
    main()

"""Columns of the table of few clips a class: what learns, from keypoints to fine-tuned networks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.few_shot_rows import Setting, drawn, labeled
from masa_data import PoseDataset
from masa_model.evaluation.probe import untrained_encoder
from masa_model.inputs.labeled import Classes, FinetuneData
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.features import clip_features, in_order
from masa_model.settings.choices import Recipe
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.finetune import finetune
from masa_model.training.pretrained import load_pretrained, with_pretrained
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from masa_model.training.scoring import score_clips

CPU = torch.device("cpu")


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


def neighbor(*, trained: bool) -> Callable[[PoseDataset, Setting, Path, int], float]:
    """The class of the nearest clip by a frozen encoder's features."""

    def measure(clips: PoseDataset, setting: Setting, pretrained: Path, seed: int) -> float:
        model, settings, _ = load_pretrained(pretrained)
        train = drawn(setting, seed)
        encoder = model.query.encoder
        if trained:
            calibrate_encoder(encoder, clips.part(train), settings.inputs, CPU)
        else:
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
        train = labeled(clips, setting, drawn(setting, seed))
        count = int(setting.targets.max()) + 1
        classes = Classes(tuple(("signs", number) for number in range(count)), ("",) * count)
        data = FinetuneData(train, labeled(clips, setting, setting.val), classes)
        with tempfile.TemporaryDirectory() as place:
            folder = RunFolder.create("finetune", Path(place))
            for _ in finetune(settings, data, folder, CPU):
                pass
            found = Recognizer.load(folder.path, CPU)
        test = labeled(clips, setting, setting.test)
        scored = score_clips(found.model, test.clips, settings, CPU, in_order(len(test)))
        return float((np.concatenate([p for _, p in scored]).argmax(1) == test.targets).mean())

    return measure


COLUMNS: dict[str, Callable[[PoseDataset, Setting, Path, int], float]] = {
    "logistic regression": linear,
    "untrained, 1-NN": neighbor(trained=False),
    "pre-trained, 1-NN": neighbor(trained=True),
    "scratch, paper": tuned("paper", trained=False),
    "pre-trained, paper": tuned("paper", trained=True),
    "scratch, tuned": tuned("tuned", trained=False),
    "pre-trained, tuned": tuned("tuned", trained=True),
}

"""What learns in a cell: fine-tuning, classifiers of frozen features, or of keypoints without a network."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from masa_data.shards.dataset import PoseDataset
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_model.evaluation.probe import (
    linear_classes,
    nearest_classes,
    regressed_classes,
    untrained_encoder,
)
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import clip_features, in_order
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.studies.recipe import CellRecipe
from masa_model.studies.selection import CellClips
from masa_model.training.finetune import finetune
from masa_model.training.pretrained import load_pretrained
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder
from masa_model.training.scoring import Scoring, score_clips

# The keypoints of a clip as one vector: so many frames, reduced to at most so many dimensions.
_FRAMES: Final = 16
_DIMENSIONS: Final = 128
_SHOULDERS: Final = [KEYPOINT_NAMES.index(f"{side}_shoulder") for side in ("left", "right")]
_NO_SHOULDERS: Final = 100.0  # the width in pixels that is assumed for a clip without shoulders


def guessed_classes(
    cell: CellRecipe,
    settings: tuple[PretrainSettings, FinetuneSettings],
    clips: CellClips,
    pretrained: Path | None,
    device: torch.device,
) -> NDArray[np.int64]:
    """Learn from the training clips of a cell, and guess the class of each tested clip.

    Args:
        cell: what is measured.
        settings: settings of pre-training, for the shape of network and input, and of fine-tuning.
        clips: clips of the cell.
        pretrained: checkpoint of pre-training; None = random weights.
        device: device to compute on.

    Returns:
        (N,) class number that was guessed for each tested clip.

    Raises:
        DataError: if the checkpoint cannot be used, or a loss is not finite.
    """
    before, tuning = settings
    if cell.learner == "keypoints":
        return _by_keypoints(clips, tuning.seed)
    if cell.learner == "position":
        return _by_position(clips)
    if cell.learner == "fine-tuning":
        return _by_finetuning(cell, tuning, clips, pretrained, device)
    encoder = _frozen_encoder(before, clips.learned.train.clips, pretrained, device, tuning.seed)
    known, asked = (
        clip_features(encoder, some.clips, before.inputs, device)
        for some in (clips.learned.train, clips.tested)
    )
    classify = nearest_classes if cell.learner == "nearest neighbor" else linear_classes
    return classify(known, clips.learned.train.targets, asked)


def _by_finetuning(
    cell: CellRecipe,
    settings: FinetuneSettings,
    clips: CellClips,
    pretrained: Path | None,
    device: torch.device,
) -> NDArray[np.int64]:
    if pretrained is not None:
        settings = settings.model_copy(update={"pretrained": str(pretrained)})
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create("finetune", Path(place) / "run")
        for _ in finetune(settings, clips.learned, folder, device):
            pass
        found = Recognizer.load(folder.path, device)
    how = Scoring(found.header.temperature, cell.views, cell.noise)
    tested = clips.tested.clips
    scored = score_clips(found.model, tested, settings, device, in_order(len(tested)), how)
    return np.concatenate([probabilities.argmax(1) for _, probabilities in scored])


def _frozen_encoder(
    settings: PretrainSettings,
    train: PoseDataset,
    pretrained: Path | None,
    device: torch.device,
    seed: int,
) -> PoseEncoder:
    """Return an encoder with the batch statistics of the training clips."""
    if pretrained is None:
        return untrained_encoder(settings, train, device, seed)
    model, _, _ = load_pretrained(pretrained)
    encoder = model.query.encoder.to(device)
    calibrate_encoder(encoder, train, settings.inputs, device)
    return encoder


def _by_keypoints(clips: CellClips, seed: int) -> NDArray[np.int64]:
    """Logistic regression on some frames of each clip, relative to the shoulders and in their width."""
    train, tested = clips.learned.train, clips.tested
    known, asked = (
        np.stack([keypoint_vector(some.clips, number) for number in range(len(some))])
        for some in (train, tested)
    )
    reduce = make_pipeline(StandardScaler(), PCA(min(_DIMENSIONS, *known.shape), random_state=seed))
    reduced = reduce.fit_transform(known)
    return regressed_classes(reduced, train.targets, reduce.transform(asked))


def _by_position(clips: CellClips) -> NDArray[np.int64]:
    """Guess the class of the clip in which the person was nearest to the same place."""
    known, asked = (
        np.stack([place_of_person(some.clips, number) for number in range(len(some))])
        for some in (clips.learned.train, clips.tested)
    )
    nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked, return_distance=False)[:, 0]
    return np.asarray(clips.learned.train.targets[nearest])


def place_of_person(clips: PoseDataset, number: int) -> NDArray[np.float64]:
    """Return where a clip's person is on average: nose and shoulders, in shares of the frame's longer side.

    Args:
        clips: clips with keypoints in pixels.
        number: number of the clip.

    Returns:
        (6,) x and y of nose, left and right shoulder; 0 for a keypoint that is never found.
    """
    track = clips[number]
    points = track.keypoints[:, [KEYPOINT_NAMES.index("nose"), *_SHOULDERS]].astype(np.float64)
    found = np.isfinite(points)
    sums = np.where(found, points, 0).sum(0) / np.maximum(found.sum(0), 1)
    return np.asarray(sums / max(track.info.width, track.info.height)).ravel()


def keypoint_vector(clips: PoseDataset, number: int) -> NDArray[np.float64]:
    """Return the keypoints of a clip as one vector: frames at equal distances, relative to the shoulders.

    Args:
        clips: clips with keypoints in pixels.
        number: number of the clip.

    Returns:
        (frames × 49 × 2,) positions from the center of the shoulders, in shoulder widths; 0 where missing.
    """
    track = clips[number]
    chosen = np.linspace(0, len(track) - 1, _FRAMES).round().astype(int)
    points = track.keypoints[chosen].astype(np.float64)
    shoulders = points[:, _SHOULDERS]
    there = np.isfinite(shoulders).all((1, 2))
    center = shoulders[there].mean((0, 1)) if there.any() else 0.0
    widths = np.linalg.norm(shoulders[there, 0] - shoulders[there, 1], axis=1)
    width = np.median(widths) if there.any() and np.median(widths) > 0 else _NO_SHOULDERS
    return np.nan_to_num((points - center) / width).ravel()

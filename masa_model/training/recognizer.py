"""A trained recogniser: its network, its classes, and the probabilities it gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.batch import PoseBatch, RawClips
from masa_model.inputs.labelled import Classes
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_test_frames
from masa_model.inputs.sources import StreamedClips
from masa_model.network.classifier import SignClassifier
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import (
    PRETRAINED_ON,
    TRAINED_ON,
    Checkpoint,
    CheckpointHeader,
    load_checkpoint,
    load_model,
    read_header,
    require_kind,
)
from masa_model.training.checkpoint_parts import require_size, settings_of, tensor_of
from masa_model.training.run_folder import BEST, LAST


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """A checkpoint of masa-finetune, read back.

    Attributes:
        path: of the file.
        model: in evaluation mode.
        settings: of its run.
        classes: what it tells apart.
        header: all that the checkpoint says about itself.
        trained_on: (n, 2) `content_keys` of its training clips.
        pretrained_on: likewise of its pre-training; None if that is not known, since an earlier version made
            the checkpoint.
    """

    path: Path
    model: SignClassifier
    settings: FinetuneSettings
    classes: Classes
    header: CheckpointHeader
    trained_on: NDArray[np.int64]
    pretrained_on: NDArray[np.int64] | None


def load_classifier(path: Path, device: torch.device) -> TrainedClassifier:
    """Read a recogniser.

    Args:
        path: a checkpoint, or a run's folder: then the best by val, the last where there was no val.
        device: where to put the network.

    Raises:
        DataError: if there is no such checkpoint, or it is of another kind, size or version.
    """
    if path.is_dir():
        best = path / "checkpoints" / BEST
        path = best if best.exists() else path / "checkpoints" / LAST
    checkpoint = load_checkpoint(path)
    header = checkpoint.header
    require_kind(path, header, "recogniser")
    settings = settings_of(path, header, FinetuneSettings)
    require_size(checkpoint, settings.network.encoder_weights)
    model = build_classifier(settings, len(header.classes))
    load_model(checkpoint, model)
    trained_on = tensor_of(checkpoint, TRAINED_ON, torch.empty((0, 2), dtype=torch.int64))
    return TrainedClassifier(
        path,
        model.to(device).eval(),
        settings,
        Classes(header.classes, header.labels),
        header,
        trained_on.numpy(),
        _pretrained_on(checkpoint, settings),
    )


def classes_of(checkpoint: Path) -> Classes | None:
    """The classes of a run that goes on; None if it was stopped before its first checkpoint.

    Raises:
        DataError: if the checkpoint cannot be read.
    """
    if not checkpoint.exists():
        return None
    header = read_header(checkpoint)
    return Classes(header.classes, header.labels)


def _pretrained_on(checkpoint: Checkpoint, settings: FinetuneSettings) -> NDArray[np.int64] | None:
    if settings.pretrained is None:
        return np.empty((0, 2), np.int64)
    if PRETRAINED_ON not in checkpoint.progress:
        return None
    return tensor_of(checkpoint, PRETRAINED_ON, torch.empty((0, 2), dtype=torch.int64)).numpy()


def build_classifier(settings: FinetuneSettings, classes: int) -> SignClassifier:
    """The network that settings describe, with random weights.

    Args:
        settings: of a run.
        classes: their number.
    """
    return SignClassifier(
        settings.network,
        classes,
        head=settings.head.kind,
        pooling=settings.head.pooling,
        dropout=settings.head.dropout,
        frozen=settings.freeze,
    )


@torch.no_grad()
def score_clips(
    model: SignClassifier,
    clips: PoseDataset,
    settings: FinetuneSettings,
    device: torch.device,
    batches: Iterable[NDArray[np.int64]],
    *,
    temperature: float = 1.0,
    views: int = 1,
    noise: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Probabilities, batch by batch: memory holds one batch, however many clips there are.

    Args:
        model: on the device, in evaluation mode.
        clips: to be recognised.
        settings: of the model's run.
        device: where to compute.
        batches: clip numbers.
        temperature: by which the scores are divided before they become probabilities.
        views: windows of a clip that are averaged; 1 = the centre.
        noise: σ of Gaussian noise on the coordinates (Table XIII), in 1/256 of a part's side.
        seed: of the noise, which also depends on the batch.

    Yields:
        (n,) the numbers of a batch, and (n, C) the probabilities of their classes.
    """
    for raw in StreamedClips(clips, device).batches(batches):
        numbers = raw.numbers.cpu().numpy()
        yield (
            numbers,
            batch_probabilities(
                model, raw, settings, temperature=temperature, views=views, noise=noise, seed=seed
            ),
        )


@torch.no_grad()
def batch_probabilities(
    model: SignClassifier,
    raw: RawClips,
    settings: FinetuneSettings,
    *,
    temperature: float = 1.0,
    views: int = 1,
    noise: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """(n, C) probabilities of one batch; see score_clips."""
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if noise:
        batch = _with_noise(batch, noise, seed)
    sampling = settings.sampling
    by_view = [
        model(sample_test_frames(batch, sampling.frames, sampling.how, view, views)).float() / temperature
        for view in range(views)
    ]
    return torch.stack(by_view).softmax(2).mean(0).cpu().numpy()


def _with_noise(batch: PoseBatch, noise: float, seed: int) -> PoseBatch:
    """Drawn on the CPU from the seed and the batch's first clip, so that it is the same everywhere."""
    generator = torch.Generator().manual_seed(hash((seed, int(batch.numbers[0]))) & 0x7FFFFFFF)
    drawn = torch.randn(batch.coordinates.shape, generator=generator).to(batch.coordinates.device)
    seen = (batch.confidence > 0)[:, None]
    return replace(batch, coordinates=batch.coordinates + noise * drawn * seen)

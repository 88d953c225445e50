"""Compute the class probabilities of clips with a recognizer's network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.augment import with_noise
from masa_model.inputs.batch import RawClips
from masa_model.inputs.frames import encoder_input
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_test_frames
from masa_model.inputs.sources import StreamedClips
from masa_model.network.classifier import RecognizerNetwork
from masa_model.settings.finetune import FinetuneSettings


@dataclass(frozen=True, slots=True)
class Scoring:
    """Options for computing the probabilities of clips.

    Attributes:
        temperature: number by which scores are divided before they become probabilities.
        views: number of windows of a clip whose probabilities are averaged; 1 = only the center.
        noise: standard deviation σ of noise on the coordinates (Table XIII), in 1/256 of a part's side.
        seed: random seed of the noise, which also depends on the batch.
    """

    temperature: float = 1.0
    views: int = 1
    noise: float = 0.0
    seed: int = 0


DEFAULT_SCORING: Final = Scoring()


@torch.no_grad()
def score_clips(
    model: RecognizerNetwork,
    clips: PoseDataset,
    settings: FinetuneSettings,
    device: torch.device,
    batches: Iterable[NDArray[np.int64]],
    scoring: Scoring = DEFAULT_SCORING,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Compute the class probabilities of clips, one batch at a time, so that memory use stays small.

    Args:
        model: network on the device, in evaluation mode.
        clips: the clips.
        settings: settings of the network's run.
        device: device to compute on.
        batches: clip numbers of each batch.
        scoring: options for computing probabilities.

    Yields:
        (n,) clip numbers of a batch, and (n, C) probabilities of their classes.
    """
    for raw in StreamedClips(clips).batches(batches):
        yield raw.numbers.numpy(), batch_probabilities(model, raw, settings, device, scoring)


@torch.no_grad()
def batch_probabilities(
    model: RecognizerNetwork,
    raw: RawClips,
    settings: FinetuneSettings,
    device: torch.device,
    scoring: Scoring = DEFAULT_SCORING,
) -> NDArray[np.float32]:
    """Compute the (n, C) class probabilities of one batch of n clips; see `score_clips` for the arguments."""
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if scoring.noise:
        batch = with_noise(batch, scoring.noise, scoring.seed)
    sampling = settings.sampling
    views = (
        encoder_input(sample_test_frames(batch, sampling.frames, sampling.how, view, scoring.views))
        for view in range(scoring.views)
    )
    scores = torch.stack([model(view.to(device)).float() for view in views])
    return (scores / scoring.temperature).softmax(2).mean(0).cpu().numpy()

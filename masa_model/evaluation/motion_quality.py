"""Compare the network's motion prediction with three baselines that need no training."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.masked import MaskedClips, masked_clips
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.autoencoder import prediction_loss
from masa_model.network.features import in_order
from masa_model.network.masa import MASA
from masa_model.settings.pretrain import PretrainSettings

PREDICTIONS: Final = ("network", "zero", "nearest visible residual", "interpolated positions")


@torch.no_grad()
def motion_losses(
    model: MASA, clips: PoseDataset, settings: PretrainSettings, device: torch.device, seed: int = 0
) -> dict[str, float]:
    """Compute the motion loss L_m of the first interval over all clips, for the network and three baselines.

    All four use the same masked frames and the same weights.

    Args:
        model: model on the device, in evaluation mode, with the motion objective.
        clips: clips that were not used for training.
        settings: settings that the model was trained with; noise is not added.
        device: device to compute on.
        seed: random seed of the masks.

    Returns:
        the loss of each of PREDICTIONS; NaN if no frame was masked.
    """
    sums, frames = np.zeros(len(PREDICTIONS)), 0
    inputs = settings.inputs
    for raw in StreamedClips(clips).batches(in_order(len(clips))):
        batch = prepare_clips(raw, inputs.crop_reference, inputs.max_frames)
        hidden = masked_clips(batch, settings.masking, settings.motion, (seed, 0))
        if not len(hidden.predicted):
            continue
        on_device = hidden.to(device)
        predictions = [
            model.predict(on_device)[0],
            *(
                guess[:, :, hidden.predicted].to(device) / model.motion.scale
                for guess in _simple_predictions(model, batch, hidden)
            ),
        ]
        target = on_device.targets[0]
        kind, reduction = model.motion.loss, model.motion.reduction
        losses = [
            float(prediction_loss(guess, target.values, target.weight, on_device.masked, kind, reduction))
            for guess in predictions
        ]
        sums += np.array(losses) * len(hidden.predicted)
        frames += len(hidden.predicted)
    return dict(zip(PREDICTIONS, (sums / frames if frames else sums * np.nan).tolist(), strict=True))


def _simple_predictions(model: MASA, batch: PoseBatch, hidden: MaskedClips) -> Iterator[Tensor]:
    """Yield the (49, 2, F) residuals of the three baselines, in the order of PREDICTIONS."""
    interval = model.motion.interval[0]
    x = batch.coordinates.numpy()
    seen = (batch.confidence > 0).numpy()
    seen[:, hidden.predicted.numpy()] = False
    nearest, interpolated = np.zeros_like(x), np.zeros_like(x)
    starts = np.concatenate([[0], np.cumsum(batch.lengths.numpy())])
    for start, end in pairwise(starts.tolist()):
        nearest[:, :, start:end] = copied_residuals(x[:, :, start:end], seen[:, start:end], interval)
        interpolated[:, :, start:end] = interpolated_residuals(
            x[:, :, start:end], seen[:, start:end], interval
        )
    yield torch.zeros_like(batch.coordinates)
    yield torch.from_numpy(nearest).to(batch.coordinates)
    yield torch.from_numpy(interpolated).to(batch.coordinates)


def copied_residuals(x: NDArray[np.floating], seen: NDArray[np.bool_], interval: int) -> NDArray[np.floating]:
    """Copy for each frame and keypoint the residual of the nearest frame in which both ends are visible.

    Args:
        x: (V, 2, T) keypoint positions of one clip.
        seen: (V, T) whether each keypoint is visible.
        interval: interval k in frames.

    Returns:
        (V, 2, T) residuals; 0 for a keypoint without any visible residual.
    """
    known = np.zeros_like(seen)
    residuals = np.zeros_like(x)
    if x.shape[2] > interval:
        known[:, :-interval] = seen[:, interval:] & seen[:, :-interval]
        residuals[:, :, :-interval] = x[:, :, interval:] - x[:, :, :-interval]
    before, after = _known_neighbors(known)
    frame = np.arange(x.shape[2])
    take_after = (before < 0) | ((after < x.shape[2]) & (after - frame < frame - before))
    source = np.clip(np.where(take_after, after, before), 0, x.shape[2] - 1)
    copied = np.take_along_axis(residuals, source[:, None], axis=2)
    return np.asarray(copied * np.any(known, axis=1, keepdims=True)[..., None])


def interpolated_residuals(
    x: NDArray[np.floating], seen: NDArray[np.bool_], interval: int
) -> NDArray[np.floating]:
    """Compute the residuals of positions that are interpolated linearly between visible frames.

    Before the first and after the last visible frame of a keypoint, its position is constant.

    Args:
        x: (V, 2, T) keypoint positions of one clip.
        seen: (V, T) whether each keypoint is visible.
        interval: interval k in frames.

    Returns:
        (V, 2, T) residuals; 0 for i ≥ T − k, and for a keypoint that is never visible.
    """
    frames = x.shape[2]
    before, after = _known_neighbors(seen)
    before, after = np.where(before < 0, after, before), np.where(after >= frames, before, after)
    before, after = np.clip(before, 0, frames - 1), np.clip(after, 0, frames - 1)
    share = np.where(after > before, (np.arange(frames) - before) / np.maximum(after - before, 1), 0)
    low = np.take_along_axis(x, before[:, None], axis=2)
    high = np.take_along_axis(x, after[:, None], axis=2)
    filled = (low + (high - low) * share[:, None]) * np.any(seen, axis=1, keepdims=True)[..., None]
    residuals = np.zeros_like(x)
    if frames > interval:
        residuals[:, :, :-interval] = filled[:, :, interval:] - filled[:, :, :-interval]
    return residuals


def _known_neighbors(known: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the last known frame up to each frame (−1 = none), and the first from each frame on (T = none)."""
    frames = known.shape[1]
    frame = np.arange(frames)
    before = np.maximum.accumulate(np.where(known, frame, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, frame, frames)[:, ::-1], axis=1)[:, ::-1]
    return before, after

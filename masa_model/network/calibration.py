"""Calibration: measure batch normalization statistics that match the current weights.

Running statistics are averages over the last training steps, and still contain some of their initial values.
In a short run they do not match the weights: a network that has learned its signs can seem to know few of
them. So before a network is evaluated or saved, its statistics are measured again with its current weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.batch import RawClips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import in_order, whole_clips
from masa_model.settings.pretrain import InputSettings

# Statistics are over frames, and each clip has dozens of frames: more clips change only the third digit.
CALIBRATION_CLIPS: Final = 256


@torch.no_grad()
def calibrate(
    model: nn.Module,
    see: Callable[[RawClips], object],
    clips: PoseDataset,
    *,
    part: nn.Module | None = None,
    most: int = CALIBRATION_CLIPS,
) -> None:
    """Measure the batch normalization statistics that a network uses in evaluation mode.

    As in training, each batch is normalized by its own mean and variance, but without dropout. Afterwards
    each layer has the mean and the variance of all rows that it received. Processes do not wait for each
    other.

    Args:
        model: network on the device; its weights and its mode are not changed.
        see: function that applies the model to a batch, which is on the host, in the way in which the model
            will be used.
        clips: clips that the model may learn from; labels are not used.
        part: only the layers of this part of the model are measured; None = all layers.
        most: maximum number of clips; the choice is always the same.
    """
    layers = [layer for layer in (part or model).modules() if isinstance(layer, nn.BatchNorm1d)]
    if not layers:
        return
    rows = [_Rows() for _ in layers]
    hooks = [layer.register_forward_pre_hook(found.hook) for layer, found in zip(layers, rows, strict=True)]
    was_training = model.training
    model.eval()
    # Random order: files are often sorted by gloss, and a batch of only one gloss is not typical.
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(clips))[:most]
    try:
        for raw in StreamedClips(clips).batches([order[places] for places in in_order(len(order))]):
            see(raw)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    for layer, found in zip(layers, rows, strict=True):
        found.give_to(layer)


def calibrate_encoder(
    encoder: PoseEncoder, clips: PoseDataset, inputs: InputSettings, device: torch.device
) -> None:
    """Calibrate an encoder (see `calibrate`) on all frames of each clip.

    Args:
        encoder: encoder on the device.
        clips: clips that the encoder may learn from; labels are not used.
        inputs: input settings that the encoder was trained with; noise is not added.
        device: device of the encoder.
    """
    calibrate(encoder, showing(encoder, inputs, device), clips)


def showing(
    encoder: PoseEncoder, inputs: InputSettings, device: torch.device
) -> Callable[[RawClips], object]:
    """Return a function that applies an encoder to all frames of each clip of a batch."""
    return lambda raw: encoder.pooled(whole_clips(raw, inputs).to(device))


@contextmanager
def calibrated(
    model: nn.Module,
    see: Callable[[RawClips], object],
    clips: PoseDataset,
    *,
    part: nn.Module | None = None,
    most: int = CALIBRATION_CLIPS,
) -> Iterator[dict[str, Tensor]]:
    """Calibrate a model within a `with` block; afterwards it has its previous statistics again.

    A training run therefore does not depend on how often it was evaluated or when it was saved.

    Args:
        model: network on the device.
        see: function that applies the model to a batch.
        clips: clips that the model may learn from; labels are not used.
        part: only the layers of this part of the model are measured; None = all layers.
        most: maximum number of clips.

    Yields:
        the previous statistics (`running_statistics`), which a checkpoint needs so that training can resume.
    """
    before = running_statistics(model)
    try:
        calibrate(model, see, clips, part=part, most=most)
        yield before
    finally:
        restore_statistics(model, before)


def running_statistics(model: nn.Module) -> dict[str, Tensor]:
    """Copy all batch normalization statistics of a model, by their names in the state dict."""
    return {
        f"{name}.{buffer}": value.clone()
        for name, layer in model.named_modules()
        if isinstance(layer, nn.BatchNorm1d)
        for buffer, value in layer.named_buffers()
    }


def restore_statistics(model: nn.Module, statistics: Mapping[str, Tensor]) -> None:
    """Restore the statistics that `running_statistics` returned; other buffers are not changed."""
    for name, buffer in model.named_buffers():
        if name in statistics:
            buffer.copy_(statistics[name])


class _Rows:
    """Mean and variance of all rows that one layer received, accumulated over batches (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def hook(self, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Add the rows of a batch before the layer sees it; the layer then normalizes by these rows only."""
        assert isinstance(layer, nn.BatchNorm1d)
        rows = given[0].float()
        if len(rows) < 2:  # a single row has no variance
            return
        assert layer.running_mean is not None
        assert layer.running_var is not None
        mean = rows.mean(0)
        variance = (rows - mean).square_().mean(0)  # on a CPU, Tensor.var over rows takes eight times as long
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)
        count = self.count + len(rows)
        apart = mean - self.mean
        self.mean = self.mean + apart * (len(rows) / count)
        self.squares = self.squares + variance * len(rows) + apart.square() * (self.count * len(rows) / count)
        self.count = count

    def give_to(self, layer: nn.BatchNorm1d) -> None:
        """Set the layer's running mean and unbiased variance; a layer that received no rows keeps its own."""
        if isinstance(self.mean, float) or isinstance(self.squares, float):
            return
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(self.mean)
        layer.running_var.copy_(self.squares / (self.count - 1))

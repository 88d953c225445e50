"""Statistics of batch normalization that fit the weights.

Running statistics are averages over the last training steps, with a rest of the values they began with. In a
short run they are those of another network: one that has learned its signs may seem to know few of them.
So before a network is evaluated or saved, its statistics are measured anew with the weights that it has now.
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
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips
from masa_model.network.encoder import PoseEncoder
from masa_model.network.features import in_order
from masa_model.settings.pretrain import InputSettings

# Each clip has dozens of frames, and statistics are over frames: more clips change the third digit.
CALIBRATION_CLIPS: Final = 256


@torch.no_grad()
def calibrate(
    model: nn.Module,
    see: Callable[[RawClips], object],
    clips: PoseDataset,
    device: torch.device,
    *,
    part: nn.Module | None = None,
    most: int = CALIBRATION_CLIPS,
) -> None:
    """Measure the statistics that a network in evaluation mode normalizes by.

    As in training each batch is normalized by its own mean and variance, but nothing is dropped out.
    Afterwards each layer has the mean and the variance of all rows that it was given. No process waits for
    another.

    Args:
        model: on the device; its weights and its mode stay as they are.
        see: shows the model a batch, as it will be used.
        clips: that the model may learn from; no label is used.
        device: where the model is.
        part: only the layers of this part of the model are measured; None = all.
        most: as many clips at most; which ones is always the same.
    """
    layers = [layer for layer in (part or model).modules() if isinstance(layer, nn.BatchNorm1d)]
    if not layers:
        return
    rows = [_Rows() for _ in layers]
    hooks = [layer.register_forward_pre_hook(found.hook) for layer, found in zip(layers, rows, strict=True)]
    was_training = model.training
    model.eval()
    # In an order by chance: files are often sorted by gloss, and a batch of one gloss is not like the others.
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(clips))[:most]
    try:
        for raw in StreamedClips(clips, device).batches([order[places] for places in in_order(len(order))]):
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
    """`calibrate` for an encoder that is shown all frames of each clip.

    Args:
        encoder: on the device.
        clips: that it may learn from.
        inputs: as it was trained with; noise is not added.
        device: where it is.
    """
    calibrate(encoder, showing(encoder, inputs), clips, device)


def showing(encoder: PoseEncoder, inputs: InputSettings) -> Callable[[RawClips], object]:
    """Shows an encoder all frames of each clip."""
    return lambda raw: encoder.pooled(prepare_clips(raw, inputs.crop_reference, inputs.max_frames))


@contextmanager
def calibrated(
    model: nn.Module,
    see: Callable[[RawClips], object],
    clips: PoseDataset,
    device: torch.device,
    *,
    part: nn.Module | None = None,
    most: int = CALIBRATION_CLIPS,
) -> Iterator[dict[str, Tensor]]:
    """Within, the model has the statistics that `calibrate` measures; afterwards those that it had before.

    So a training run neither depends on how often it was evaluated nor on when it was saved.

    Args:
        model: see calibrate, as for the others.
        see: shows the model a batch.
        clips: that the model may learn from.
        device: where the model is.
        part: whose layers are measured.
        most: as many clips at most.

    Yields:
        the statistics as they were (`running_statistics`), to be kept where training will go on.
    """
    before = running_statistics(model)
    try:
        calibrate(model, see, clips, device, part=part, most=most)
        yield before
    finally:
        restore_statistics(model, before)


def running_statistics(model: nn.Module) -> dict[str, Tensor]:
    """Copies of all statistics of batch normalization, by the names that they have in the state dict."""
    return {
        f"{name}.{buffer}": value.clone()
        for name, layer in model.named_modules()
        if isinstance(layer, nn.BatchNorm1d)
        for buffer, value in layer.named_buffers()
    }


def restore_statistics(model: nn.Module, statistics: Mapping[str, Tensor]) -> None:
    """Put back what `running_statistics` gave; names that are not among them stay as they are."""
    for name, buffer in model.named_buffers():
        if name in statistics:
            buffer.copy_(statistics[name])


class _Rows:
    """Mean and variance of all rows that one layer was given, batch by batch (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def hook(self, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Before the layer sees a batch: add its rows, and let the layer normalize by them alone."""
        assert isinstance(layer, nn.BatchNorm1d)
        rows = given[0].float()
        if len(rows) < 2:  # a single row has no variance
            return
        assert layer.running_mean is not None
        assert layer.running_var is not None
        mean, variance = rows.mean(0), rows.var(0, correction=0)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)
        count = self.count + len(rows)
        apart = mean - self.mean
        self.mean = self.mean + apart * (len(rows) / count)
        self.squares = self.squares + variance * len(rows) + apart.square() * (self.count * len(rows) / count)
        self.count = count

    def give_to(self, layer: nn.BatchNorm1d) -> None:
        """Mean and unbiased variance, as running statistics are; a layer that saw nothing keeps its own."""
        if isinstance(self.mean, float) or isinstance(self.squares, float):
            return
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(self.mean)
        layer.running_var.copy_(self.squares / (self.count - 1))

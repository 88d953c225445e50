"""Features of clips from a frozen encoder: one vector for each clip."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data.shards.dataset import PoseDataset
from masa_model.inputs.batch import RawClips
from masa_model.inputs.frames import EncoderInput, encoder_input
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import StreamedClips, prepared_on
from masa_model.network.encoder import PoseEncoder
from masa_model.settings.pretrain import InputSettings

_CLIPS_AT_A_TIME = 64


@torch.no_grad()
def clip_features(
    encoder: PoseEncoder, clips: PoseDataset, inputs: InputSettings, device: torch.device
) -> NDArray[np.float32]:
    """Encode all frames of every clip and average their features.

    Args:
        encoder: encoder on the device, in evaluation mode.
        clips: N clips.
        inputs: input settings that the encoder was trained with; noise is not added.
        device: device to compute on.

    Returns:
        (N, D_e) features, one row for each clip.
    """
    source = StreamedClips(clips)
    batches = prepared_on(source, in_order(len(clips)), partial(whole_clips, inputs=inputs), device)
    return np.concatenate([encoder.pooled(frames).float().cpu().numpy() for frames in batches])


def whole_clips(raw: RawClips, inputs: InputSettings) -> EncoderInput:
    """Prepare all frames of each clip for the encoder, without noise.

    Args:
        raw: the stored clips.
        inputs: input settings that the encoder was trained with.
    """
    return encoder_input(prepare_clips(raw, inputs.crop_reference, inputs.max_frames))


def in_order(clips: int, at_a_time: int = _CLIPS_AT_A_TIME) -> list[NDArray[np.int64]]:
    """Return the numbers of all clips in order, in batches of at most `at_a_time`."""
    return [np.arange(first, min(first + at_a_time, clips)) for first in range(0, clips, at_a_time)]


def some_in_order(clips: int, most: int) -> list[NDArray[np.int64]]:
    """Choose at most `most` clips, always the same ones, and return their numbers in batches."""
    chosen = np.sort(np.random.Generator(np.random.PCG64(0)).permutation(clips)[:most])
    return [chosen[places] for places in in_order(len(chosen))]

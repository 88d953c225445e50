"""Everything that a step of pre-training computes from clips before the network: views, masks and targets.

It is made on the host, by the threads that read the clips, so that the step itself asks the device nothing.
All of it is a pure function of the clips, the settings and the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_model.inputs.augment import key_view, query_view, with_noise
from masa_model.inputs.batch import PoseBatch, RawClips, TensorGroup, frames_of
from masa_model.inputs.frames import EncoderInput, encoder_input
from masa_model.inputs.masking import choose_key_frames, mask_interval, masks_of
from masa_model.inputs.motion import Motion, truncated_confidence
from masa_model.inputs.packing import Packing
from masa_model.inputs.parts import prepare_clips
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.pretrain import MotionSettings, PretrainSettings

# Coordinates are in −128..128; they are divided by this number for the "joint" objective.
_JOINT_SCALE = 128.0


@dataclass(frozen=True, slots=True)
class Target(TensorGroup):
    """What one output of the decoder is compared with, in the frames to predict.

    Attributes:
        values: scaled targets m_i, or positions with the "joint" objective.
        weight: weight of each keypoint: c_i · c_{i+k}, or c_i.
    """

    values: Float[Tensor, "49 2 predicted"]
    weight: Float[Tensor, "49 predicted"]


@dataclass(frozen=True, slots=True)
class MaskedClips(TensorGroup):
    """Clips of which some frames are masked: the input of the query branch and of the decoder.

    Attributes:
        query: the frames that the query branch sees: those in which a part is not masked.
        visible: indices of these frames among all packed frames, ascending.
        position: index of each packed frame in its clip, from 0.
        packing: packing of all frames, for the decoder.
        predicted: indices of the packed frames to predict: those in which a part is masked.
        masked: whether body, left hand and right hand of these frames are masked.
        targets: one for each output of the decoder.
        masked_share: fraction of the batch's frames that is masked, mean over the three parts.
        clips_without_candidate: fraction of clips without any candidate frame.
    """

    query: EncoderInput
    visible: Int[Tensor, " visible"]
    position: Int[Tensor, " frames"]
    packing: Packing
    predicted: Int[Tensor, " predicted"]
    masked: Bool[Tensor, "3 predicted"]
    targets: tuple[Target, ...]
    masked_share: Float[Tensor, ""]
    clips_without_candidate: Float[Tensor, ""]


@dataclass(frozen=True, slots=True)
class PretrainInput(TensorGroup):
    """The input of one step of pre-training.

    Attributes:
        clips: the masked clips.
        key: the frames that the key branch sees; None if alignment is off.
        numbers: number of each clip in the dataset.
    """

    clips: MaskedClips
    key: EncoderInput | None
    numbers: Int[Tensor, " clips"]


def pretrain_input(raw: RawClips, settings: PretrainSettings, epoch: int) -> PretrainInput:
    """Prepare a batch for a step of pre-training.

    With noise (Table XIII), masked frames are chosen from the clips without it: in noisy coordinates
    everything seems to move, and at σ = 10 Alg. 1 would choose every frame.

    Args:
        raw: the stored clips.
        settings: settings of the run.
        epoch: number of the epoch, from 0.

    Returns:
        the input of the step.
    """
    seed = (settings.seed, epoch)
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    clean = None
    if settings.inputs.noise:
        clean = query_view(batch, settings.augment, seed)
        batch = with_noise(batch, settings.inputs.noise, hash(seed))
    query = query_view(batch, settings.augment, seed)
    clips = masked_clips(query, settings.masking, settings.motion, seed, clean)
    of_key = None
    if settings.alignment.weight > 0:
        key = key_view(batch, settings.augment, seed)
        of_key = encoder_input(key, choose_key_frames(key, settings.alignment.ratio, seed))
    return PretrainInput(clips, of_key, batch.numbers)


def masked_clips(
    batch: PoseBatch,
    masking: MaskingSettings,
    motion: MotionSettings,
    seed: tuple[int, ...],
    clean: PoseBatch | None = None,
) -> MaskedClips:
    """Choose the masked parts of each frame (Alg. 1), and collect what the network needs.

    Args:
        batch: the clips.
        masking: settings of masking.
        motion: settings of motion prediction.
        seed: seed of the run and number of the epoch; masks depend only on it, the clip and the frame.
        clean: the same clips without noise, from which masked frames are chosen; None = `batch` has no noise.

    Returns:
        the masked clips.
    """
    moving = Motion(batch)
    chosen_from = moving if clean is None else Motion(clean)
    masked, candidates = masks_of(chosen_from, masking, mask_interval(masking, motion), seed)
    visible = (~masked.all(0)).nonzero()[:, 0]
    predicted = masked.any(0).nonzero()[:, 0]
    has_candidate = torch.zeros_like(batch.lengths).index_add_(
        0, batch.clip, candidates.any(0).to(batch.lengths.dtype)
    )
    return MaskedClips(
        encoder_input(batch, visible, masked),
        visible,
        batch.position,
        Packing.of(batch.clip, batch.clips),
        predicted,
        frames_of(masked, predicted),
        motion_targets(moving, predicted, motion, masking.confidence_threshold),
        masked.float().mean(),
        (has_candidate == 0).float().mean(),
    )


def motion_targets(
    moving: Motion, predicted: Int[Tensor, " predicted"], motion: MotionSettings, threshold: float
) -> tuple[Target, ...]:
    """Compute the decoder's targets for some frames (Eq. 3, 4).

    Args:
        moving: motion in the batch.
        predicted: indices of the packed frames.
        motion: settings of motion prediction.
        threshold: confidence threshold ε_c in 0..1.

    Returns:
        a target for each output of the decoder.
    """
    if motion.objective == "joint":
        weight = frames_of(truncated_confidence(moving.batch, threshold), predicted)
        return (Target(frames_of(moving.batch.coordinates, predicted) / _JOINT_SCALE, weight),)
    return tuple(
        Target(
            frames_of(moving.residuals(interval)[0], predicted) / motion.scale,
            frames_of(moving.pairs(interval, threshold), predicted),
        )
        for interval in motion.interval
    )

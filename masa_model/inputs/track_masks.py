"""The result of masking (Alg. 1) for a single clip, for display."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from masa_data.tracks.skeleton import PARTS
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.augment import query_view
from masa_model.inputs.batch import length
from masa_model.inputs.masking import entries_of, mask_interval, masks_of
from masa_model.inputs.motion import Motion
from masa_model.inputs.parts import frames_used, prepare_clips
from masa_model.inputs.sources import raw_clips
from masa_model.settings.pretrain import PretrainSettings


@dataclass(frozen=True, slots=True)
class TrackMasks:
    """The result of Alg. 1 for a clip of T frames.

    Attributes:
        used: (T,) whether the network uses the frame; frames without hands are dropped.
        candidate: (T,) whether the frame is a candidate for masking in any part.
        masked: (T,) whether the frame is masked in any part.
        share: (T,) p_i, the fraction of moving keypoints, 0..1, of the part with the largest fraction (with
            the paper's rule and mask_set "clip": of all keypoints together); NaN if no keypoint is visible at
            both ends.
        motion: for each part, (T,) mean of |m_i| · c_i · c_{i+k} over the keypoints that are visible at both
            ends, in 1/256 of the part's side; NaN if there are none.
    """

    used: NDArray[np.bool_]
    candidate: NDArray[np.bool_]
    masked: NDArray[np.bool_]
    share: NDArray[np.float64]
    motion: dict[str, NDArray[np.float64]]


@torch.no_grad()
def track_masks(track: PoseTrack, settings: PretrainSettings, number: int = 0, epoch: int = 0) -> TrackMasks:
    """Compute which frames of a clip are masked in an epoch of a run.

    Args:
        track: the clip.
        settings: settings of the run.
        number: number of the clip among the run's training clips; the random choice depends on it.
        epoch: number of the epoch, from 0; the random choice depends on it.

    Returns:
        the masks of the clip.
    """
    raw = replace(raw_clips([track]), numbers=torch.tensor([number]))
    inputs, masking = settings.inputs, settings.masking
    interval = mask_interval(masking, settings.motion)
    used = frames_used(raw, inputs.max_frames).numpy()
    batch = prepare_clips(raw, inputs.crop_reference, inputs.max_frames)
    # Without changes of time: the masks are shown in the frames that are stored.
    still = settings.augment.model_copy(update={"speed": 0.0, "crop": 0.0})
    batch = query_view(batch, still, (settings.seed, epoch))
    in_batch = Motion(batch)
    masked, candidates = masks_of(in_batch, masking, interval, (settings.seed, epoch))
    residuals, exists = in_batch.residuals(interval)
    pairs = in_batch.pairs(interval, masking.confidence_threshold)
    moving, total = entries_of(in_batch, masking, interval)
    known = (total > 0) & exists
    share = torch.where(known, moving / total.clamp(min=1), -1).amax(0)
    lengths = length(residuals) * pairs
    counted = pairs > 0

    def over_track(values: Float[Tensor, " frames"], known: Bool[Tensor, " frames"]) -> NDArray[np.float64]:
        whole = np.full(len(track), np.nan)
        whole[used] = torch.where(known, values, torch.nan).numpy()
        return whole

    def flags(values: Bool[Tensor, "3 frames"]) -> NDArray[np.bool_]:
        whole = np.zeros(len(track), bool)
        whole[used] = values.any(0).numpy()
        return whole

    motion = {
        name: over_track(lengths[part].sum(0) / counted[part].sum(0).clamp(min=1), counted[part].any(0))
        for name, part in PARTS.items()
    }
    is_used = np.zeros(len(track), bool)
    is_used[used] = True
    return TrackMasks(is_used, flags(candidates), flags(masked), over_track(share, known.any(0)), motion)

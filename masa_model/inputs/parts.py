"""Split keypoints into body and hands, each in its own coordinates, and choose the frames that are used.

The paper crops hands and body "to emphasize these dominant regions" (III-A) and uses coordinates from −128
to 128 (IV-D). The position of the crops follows the released code. `CropReference` and the constants below
decide what neither the paper nor the code specifies.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_data.tracks.skeleton import BODY, HAND_MIN_CONFIDENCE, HAND_MIN_KEYPOINTS, NUM_HAND_KEYPOINTS
from masa_model.inputs.batch import (
    SIDE,
    PoseBatch,
    RawClips,
    clip_of_frames,
    frames_of,
    length,
    positions_in_clips,
)
from masa_model.settings.choices import MAX_FRAMES, CropReference

# As in the released code, the side of a hand's box is 2.2 times the extent of its keypoints.
_BOX_PER_EXTENT: Final = 2.2
# As in the released code, a hand without enough keypoints gets its box from the arm, if all three keypoints
# of the arm have at least this confidence.
_ARM_MIN_CONFIDENCE: Final = 0.8
_BEYOND_WRIST: Final = 0.33
_BOX_PER_ARM: Final = 1.1
_UPPER_ARM_SHARE: Final = 0.9
# A smaller box would enlarge noise to the size of a hand. In 1/256 of the frame's longer side: half a pixel
# of 640.
_SMALLEST_BOX: Final = 0.2

# Shoulder, elbow, wrist of the left and of the right arm.
_ARMS: Final = ((1, 2, 3), (4, 5, 6))


def prepare_clips(
    raw: RawClips, crop_reference: CropReference = "frame", max_frames: int = MAX_FRAMES
) -> PoseBatch:
    """Choose the frames, and convert the keypoints of each part to the part's own coordinates.

    Frames in which neither hand has a box are dropped, except in clips without any box. If a clip is still
    longer than `max_frames`, every n-th frame is kept, with the smallest n that is sufficient.

    Args:
        raw: the clips.
        crop_reference: whether the box of a hand is computed in every "frame" or once for each "clip".
        max_frames: maximum number of frames of a clip.

    Returns:
        the clips for the network.
    """
    frames = raw.keypoints.shape[2]
    clip = clip_of_frames(raw.lengths, frames)
    center, side = hand_boxes(raw.keypoints, raw.confidence, raw.frame_size[:, clip])
    chosen, lengths = _chosen_frames(side.isfinite().any(0), clip, raw.lengths, max_frames)
    clip = clip[chosen]
    center, side = frames_of(center, chosen), frames_of(side, chosen)
    if crop_reference == "clip":
        center, side = _one_box_a_clip(center, side, clip, lengths)

    keypoints, confidence = frames_of(raw.keypoints, chosen), frames_of(raw.confidence, chosen)
    hands_seen = confidence[7:].view(2, NUM_HAND_KEYPOINTS, -1)
    hand_present = side.isfinite() & (hands_seen.amax(1) > 0)
    confidence = torch.cat([confidence[BODY], (hands_seen * hand_present[:, None]).flatten(0, 1)])

    coordinates = torch.empty_like(keypoints)
    torch.sub(keypoints[BODY], raw.frame_size[:, clip] / 2, out=coordinates[BODY])
    scale = torch.where(hand_present, SIDE / side, 0)
    hands = coordinates[7:].view(2, NUM_HAND_KEYPOINTS, 2, -1)
    torch.sub(keypoints[7:].view(hands.shape), center[:, None], out=hands)
    hands.mul_(scale[:, None, None])
    hands[0, :, 0].neg_()  # the left hand is mirrored, so that one network can process both hands
    coordinates.mul_((confidence > 0)[:, None])
    return PoseBatch(
        coordinates, confidence, hand_present, clip, positions_in_clips(clip, lengths), lengths, raw.numbers
    )


def frames_used(raw: RawClips, max_frames: int = MAX_FRAMES) -> Int[Tensor, " chosen"]:
    """Find the packed frames that `prepare_clips` keeps.

    Args:
        raw: the clips.
        max_frames: maximum number of frames of a clip.

    Returns:
        indices of the kept packed frames, ascending.
    """
    clip = clip_of_frames(raw.lengths, raw.keypoints.shape[2])
    _, side = hand_boxes(raw.keypoints, raw.confidence, raw.frame_size[:, clip])
    return _chosen_frames(side.isfinite().any(0), clip, raw.lengths, max_frames)[0]


def hand_boxes(
    keypoints: Float[Tensor, "49 2 frames"],
    confidence: Float[Tensor, "49 frames"],
    frame_size: Float[Tensor, "2 frames"],
) -> tuple[Float[Tensor, "2 2 frames"], Float[Tensor, "2 frames"]]:
    """Compute the square box around each hand, from its keypoints or else from the position of the arm.

    Args:
        keypoints: keypoint positions, in 1/256 of the frame's longer side.
        confidence: keypoint confidences in 0..1; 0 = missing.
        frame_size: width and height of each frame, in the same unit.

    Returns:
        center (hand, axis, frame) and side (hand, frame) of the boxes, left hand first; the side is NaN if
        there is no box.
    """
    hands = keypoints[7:].view(2, NUM_HAND_KEYPOINTS, 2, -1)
    sure = confidence[7:].view(2, NUM_HAND_KEYPOINTS, -1) > HAND_MIN_CONFIDENCE
    far = torch.inf
    lowest = torch.where(sure[:, :, None], hands, far).amin(1)
    highest = torch.where(sure[:, :, None], hands, -far).amax(1)
    found = sure.sum(1) >= HAND_MIN_KEYPOINTS
    side_by_hand = (highest - lowest).amax(1) * _BOX_PER_EXTENT

    arms = keypoints[list(sum(_ARMS, ()))].view(2, 3, 2, -1)
    shoulder, elbow, wrist = arms.unbind(1)
    arm_seen = (confidence[list(sum(_ARMS, ()))].view(2, 3, -1) >= _ARM_MIN_CONFIDENCE).all(1)
    forearm, upper_arm = length(wrist - elbow), length(elbow - shoulder)
    side_by_arm = _BOX_PER_ARM * torch.maximum(forearm, _UPPER_ARM_SHARE * upper_arm)

    center = torch.where(found[:, None], (lowest + highest) / 2, wrist + _BEYOND_WRIST * (wrist - elbow))
    side = torch.where(found, side_by_hand, side_by_arm).clamp(min=_SMALLEST_BOX)
    # Shift the box into the frame; a box that is larger than the frame is centered in it.
    margin = torch.minimum(side[:, None] / 2, frame_size / 2)
    center = torch.minimum(torch.maximum(center, margin), frame_size - margin)
    return center, torch.where(found | arm_seen, side, torch.nan)


def _chosen_frames(
    has_box: Bool[Tensor, " frames"],
    clip: Int[Tensor, " frames"],
    lengths: Int[Tensor, " clips"],
    max_frames: int,
) -> tuple[Int[Tensor, " chosen"], Int[Tensor, " clips"]]:
    """Return the indices of the packed frames that are used, ascending, and their number in each clip."""
    clips = lengths.shape[0]
    with_box = torch.zeros_like(lengths).index_add_(0, clip, has_box.to(lengths.dtype))
    kept = (has_box | (with_box == 0)[clip]).nonzero()[:, 0]
    kept_lengths = torch.where(with_box == 0, lengths, with_box)
    position = positions_in_clips(clip[kept], kept_lengths)
    stride = (kept_lengths + max_frames - 1) // max_frames
    chosen = kept[position % stride[clip[kept]] == 0]
    return chosen, torch.bincount(clip[chosen], minlength=clips)


def _one_box_a_clip(
    center: Float[Tensor, "2 2 frames"],
    side: Float[Tensor, "2 frames"],
    clip: Int[Tensor, " frames"],
    lengths: Int[Tensor, " clips"],
) -> tuple[Float[Tensor, "2 2 frames"], Float[Tensor, "2 frames"]]:
    """Replace the box in each frame by the clip's median box; frames without a box still have none."""
    position = positions_in_clips(clip, lengths)
    boxes = torch.cat([center, side[:, None]], 1)
    boxes = torch.where(side.isfinite()[:, None], boxes, torch.nan)
    by_clip = boxes.new_full((2, 3, lengths.shape[0], int(lengths.max())), torch.nan)
    by_clip[:, :, clip, position] = boxes
    median = by_clip.nanmedian(dim=3).values[:, :, clip]
    return median[:, :2].nan_to_num(), torch.where(side.isfinite(), median[:, 2], torch.nan)

"""The target decoder (Eq. 2, 3) and the motion prediction loss (Eq. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float
from torch import Tensor, nn

from masa_data.tracks.skeleton import NUM_KEYPOINTS, PARTS
from masa_model.inputs.masked import MaskedClips
from masa_model.network.transformer import Transformer
from masa_model.settings.choices import LossKind, Reduction
from masa_model.settings.network import NetworkSettings


class TargetDecoder(nn.Module):
    """The decoder: it puts mask tokens between the visible features, applies a transformer and output layers.

    Args:
        network: settings of the network's shape.
        targets: number of outputs: one for each interval of motion prediction.
    """

    def __init__(self, network: NetworkSettings, targets: int) -> None:
        super().__init__()
        features = network.features
        self.mask_token = nn.Parameter(torch.randn(len(PARTS), features // len(PARTS)) * 0.02)
        self.transformer = Transformer(features, network.decoder_blocks, network.heads, network.hidden)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, 2 * NUM_KEYPOINTS))
            for _ in range(targets)
        )

    def forward(
        self, visible: Float[Tensor, "visible features"], clips: MaskedClips
    ) -> list[Float[Tensor, "49 2 predicted"]]:
        """Predict the targets of the masked frames from the features of the visible frames.

        Args:
            visible: features of the visible frames, from the encoder; all other frames get the mask token.
            clips: the masked clips.

        Returns:
            one prediction for each target.
        """
        tokens = self.mask_token.flatten().to(visible.dtype).expand(clips.position.shape[0], -1)
        tokens = tokens.index_copy(0, clips.visible, visible)
        decoded = self.transformer(tokens, clips.position, clips.packing)
        wanted = decoded.index_select(0, clips.predicted)
        return [head(wanted).float().T.reshape(NUM_KEYPOINTS, 2, -1) for head in self.heads]


def prediction_loss(
    predicted: Float[Tensor, "49 2 predicted"],
    target: Float[Tensor, "49 2 predicted"],
    weight: Float[Tensor, "49 predicted"],
    masked: Bool[Tensor, "3 predicted"],
    kind: LossKind = "l2",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""]:
    """Compute the motion prediction loss L_m (Eq. 4).

    It is the mean of ‖(y_i − m_i) · c_i c_{i+k}‖² over the masked frames of the batch, in all processes.

    Args:
        predicted: predictions y_i.
        target: targets m_i, in the same unit.
        weight: confidence products c_i · c_{i+k}.
        masked: whether body, left hand and right hand are masked; parts that are not masked do not
            contribute.
        kind: "l2" for squared errors, "l1" for absolute errors as in the released code.
        reduction: "mean" or "sum" of the 98 entries of a frame.

    Returns:
        the loss; 0 if no frame is masked. With several processes, each returns its own part of the loss times
        the number of processes, so that the mean over processes is the loss; gradients are averaged in the
        same way.
    """
    error = (predicted - target) * (weight * part_rows(masked))[:, None]
    entries = error.square() if kind == "l2" else error.abs()
    by_frame = entries.sum((0, 1)) if reduction == "sum" else entries.mean((0, 1))
    frames = by_frame.new_tensor(by_frame.shape[0])
    processes = 1
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(frames)
        processes = dist.get_world_size()
    return by_frame.sum() * processes / frames.clamp(min=1)


def part_rows(by_part: Bool[Tensor, "3 frames"]) -> Bool[Tensor, "49 frames"]:
    """Repeat a value for body, left hand and right hand for each keypoint of the part."""
    sizes: Sequence[int] = [len(range(NUM_KEYPOINTS)[part]) for part in PARTS.values()]
    return torch.cat([row.expand(size, -1) for row, size in zip(by_part, sizes, strict=True)])

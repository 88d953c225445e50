"""The complete MASA network: query → decoder → L_m; query and key → L_s. `forward` returns the losses."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from masa_model.inputs.batch import PoseBatch
from masa_model.inputs.masking import choose_key_frames, mask_interval, masks_of
from masa_model.inputs.motion import Motion, truncated_confidence
from masa_model.network.alignment import MemoryBank, contrastive_logits, info_nce, update_momentum
from masa_model.network.autoencoder import TargetDecoder, prediction_loss
from masa_model.network.encoder import PoseEncoder
from masa_model.network.transformer import Packing
from masa_model.settings.masking import MaskingSettings
from masa_model.settings.network import NetworkSettings
from masa_model.settings.pretrain import AlignmentSettings, MotionSettings

# Coordinates are in −128..128; they are divided by this number for the "joint" objective.
_JOINT_SCALE = 128.0


@dataclass(slots=True)
class Losses:
    """The losses and measurements of one training step.

    Attributes:
        total: total loss L = weight · L_m + λ_s L_s (Eq. 9).
        motion: motion prediction loss L_m (Eq. 4).
        alignment: alignment loss L_s (Eq. 8).
        masked_share: fraction of the batch's frames that is masked, mean over the three parts.
        clips_without_candidate: fraction of clips without any candidate frame.
        contrastive_accuracy: fraction of clips whose own key is nearer than all keys of the bank.
        keys: new keys for the memory bank (`MASA.after_step`); empty if alignment is off.
    """

    total: Float[Tensor, ""]
    motion: Float[Tensor, ""]
    alignment: Float[Tensor, ""]
    masked_share: Float[Tensor, ""]
    clips_without_candidate: Float[Tensor, ""]
    contrastive_accuracy: Float[Tensor, ""]
    keys: Float[Tensor, "keys projected"]


class Branch(nn.Module):
    """The query or key branch: encoder, average pooling and projection head (Eq. 6, 7)."""

    def __init__(self, settings: NetworkSettings, features: int) -> None:
        super().__init__()
        self.encoder = PoseEncoder(settings)
        width = self.encoder.features
        self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, features))

    def project(
        self, encoded: Float[Tensor, "tokens features"], packing: Packing
    ) -> Float[Tensor, "clips projected"]:
        """Compute a unit vector for each clip."""
        return nn.functional.normalize(self.projection(packing.mean(encoded)).float(), dim=1)


class MASA(nn.Module):
    """The MASA network and its losses.

    Attributes:
        gradient_norms: norm of the gradient at the encoder's output, for each loss, in the last backward
            pass.

    Args:
        network: settings of the network's shape.
        masking: settings of masking (Alg. 1).
        motion: settings of motion prediction.
        alignment: settings of semantic alignment; the memory bank has exactly `bank_size` entries.
    """

    def __init__(
        self,
        network: NetworkSettings,
        masking: MaskingSettings,
        motion: MotionSettings,
        alignment: AlignmentSettings,
    ) -> None:
        super().__init__()
        self.masking, self.motion, self.alignment = masking, motion, alignment
        self.query = Branch(network, alignment.features)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        for module in self.key.modules():  # its running statistics follow those of the query branch
            if isinstance(module, nn.BatchNorm1d):
                module.momentum = 0.0
        self.decoder = TargetDecoder(network, 1 if motion.objective == "joint" else len(motion.interval))
        self.bank = MemoryBank(alignment.bank_size, alignment.features)
        self.gradient_norms: dict[str, Tensor] = {}
        # Parameters that no loss uses must not expect a gradient, in any process.
        self.decoder.requires_grad_(motion.weight > 0)
        self.query.projection.requires_grad_(alignment.weight > 0)

    def forward(
        self,
        batch: PoseBatch,
        seed: tuple[int, ...],
        alignment_weight: float,
        as_key: PoseBatch | None = None,
        clean: PoseBatch | None = None,
    ) -> Losses:
        """Mask frames, apply the query and key branches, and compute the losses.

        Args:
            batch: the clips.
            seed: seed of the run and number of the epoch; masks depend only on it, the clip and the frame.
            alignment_weight: current weight λ_s of the alignment loss.
            as_key: the same clips as input of the key branch; None = the same as for the query branch.
            clean: the same clips without noise, from which masked frames are chosen; None = `batch` has no
                noise.

        Returns:
            the losses and measurements of this step.
        """
        moving = Motion(batch)
        masked, candidates = self.choose_masked(moving if clean is None else Motion(clean), seed)
        visible = (~masked.all(0)).nonzero()[:, 0]
        encoded, packing = self.query.encoder(batch, visible, masked, self.decoder.mask_token)
        motion = self._motion_loss(self._watched(encoded, "motion"), visible, masked, moving)
        alignment, accuracy, keys = self._alignment_loss(
            self._watched(encoded, "alignment"), packing, batch if as_key is None else as_key, seed
        )
        has_candidate = torch.zeros_like(batch.lengths).index_add_(
            0, batch.clip, candidates.any(0).to(batch.lengths.dtype)
        )
        return Losses(
            total=self.motion.weight * motion + alignment_weight * alignment,
            motion=motion.detach(),
            alignment=alignment.detach(),
            masked_share=masked.float().mean(),
            clips_without_candidate=(has_candidate == 0).float().mean(),
            contrastive_accuracy=accuracy,
            keys=keys,
        )

    @torch.no_grad()
    def choose_masked(
        self, motion: Motion, seed: tuple[int, ...]
    ) -> tuple[Bool[Tensor, "3 frames"], Bool[Tensor, "3 frames"]]:
        """Choose the masked parts of each frame (Alg. 1).

        Args:
            motion: motion in the batch.
            seed: seed of the run and number of the epoch.

        Returns:
            for body, left hand and right hand in each frame: whether it is masked, and whether it is a
            candidate.
        """
        return masks_of(motion, self.masking, mask_interval(self.masking, self.motion), seed)

    def after_step(self, keys: Float[Tensor, "keys projected"], numbers: Int[Tensor, " clips"]) -> None:
        """Update the key branch and the memory bank. Call this after the optimizer's step.

        Args:
            keys: keys of the step (`Losses.keys`).
            numbers: number of the clip that each key belongs to.
        """
        if self.alignment.weight > 0:
            update_momentum(self.key, self.query, self.alignment.momentum)
            self.bank.enqueue(keys, numbers)

    def _motion_loss(
        self, encoded: Tensor, visible: Tensor, masked: Tensor, moving: Motion
    ) -> Float[Tensor, ""]:
        if self.motion.weight == 0:
            return encoded.new_zeros((), dtype=torch.float32)
        wanted = masked.any(0).nonzero()[:, 0]
        predicted = self.decoder(encoded, visible, moving.batch, wanted)
        loss = encoded.new_zeros((), dtype=predicted[0].dtype)
        for output, (target, weight), share in zip(
            predicted, self.targets(moving, wanted), self.motion.weights, strict=False
        ):
            loss = loss + share * prediction_loss(
                output, target, weight, masked[:, wanted], self.motion.loss, self.motion.reduction
            )
        return loss

    @torch.no_grad()
    def targets(
        self, moving: Motion, wanted: Int[Tensor, " wanted"]
    ) -> list[tuple[Float[Tensor, "49 2 wanted"], Float[Tensor, "49 wanted"]]]:
        """Compute the decoder's targets for some frames.

        Args:
            moving: motion in the batch.
            wanted: indices of the packed frames.

        Returns:
            for each output of the decoder, the scaled targets and the weight of each keypoint.
        """
        threshold = self.masking.confidence_threshold
        if self.motion.objective == "joint":
            weight = truncated_confidence(moving.batch, threshold)[:, wanted]
            return [(moving.batch.coordinates[:, :, wanted] / _JOINT_SCALE, weight)]
        return [
            (
                moving.residuals(interval)[0][:, :, wanted] / self.motion.scale,
                moving.pairs(interval, threshold)[:, wanted],
            )
            for interval in self.motion.interval
        ]

    def _alignment_loss(
        self, encoded: Tensor, packing: Packing, batch: PoseBatch, seed: tuple[int, ...]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, "keys projected"]]:
        if self.alignment.weight == 0:
            nothing = encoded.new_zeros((), dtype=torch.float32)
            return nothing, nothing, nothing.new_zeros((0, self.alignment.features))
        query = self.query.project(encoded, packing)
        with torch.no_grad():
            frames = choose_key_frames(batch, self.alignment.ratio, seed)
            key = self.key.project(*self.key.encoder(batch, frames))
        logits = contrastive_logits(query, key, self.bank, batch.numbers, self.alignment.temperature)
        return info_nce(logits), (logits.argmax(1) == 0).float().mean(), key

    def _watched(self, encoded: Tensor, name: str) -> Tensor:
        """Return the same features, and record the norm of the gradient that one loss sends to them."""
        if not encoded.requires_grad:
            return encoded
        seen = encoded.view_as(encoded)

        def keep(gradient: Tensor) -> None:
            self.gradient_norms[name] = gradient.detach().float().norm()

        seen.register_hook(keep)
        return seen

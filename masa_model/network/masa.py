"""The complete MASA network: query → decoder → L_m; query and key → L_s. `forward` returns the losses."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from masa_model.inputs.masked import MaskedClips, PretrainInput
from masa_model.inputs.packing import Packing
from masa_model.network.alignment import MemoryBank, contrastive_logits, info_nce, update_momentum
from masa_model.network.autoencoder import TargetDecoder, prediction_loss
from masa_model.network.encoder import PoseEncoder
from masa_model.settings.network import NetworkSettings
from masa_model.settings.pretrain import AlignmentSettings, MotionSettings


@dataclass(slots=True)
class Losses:
    """The losses and measurements of one training step.

    Attributes:
        total: total loss L = weight · L_m + λ_s L_s (Eq. 9).
        motion: motion prediction loss L_m (Eq. 4).
        alignment: alignment loss L_s (Eq. 8).
        contrastive_accuracy: fraction of clips whose own key is nearer than all keys of the bank.
        keys: new keys for the memory bank (`MASA.after_step`); empty if alignment is off.
    """

    total: Float[Tensor, ""]
    motion: Float[Tensor, ""]
    alignment: Float[Tensor, ""]
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
        motion: settings of motion prediction.
        alignment: settings of semantic alignment; the memory bank has exactly `bank_size` entries.
    """

    def __init__(
        self,
        network: NetworkSettings,
        motion: MotionSettings,
        alignment: AlignmentSettings,
    ) -> None:
        super().__init__()
        self.motion, self.alignment = motion, alignment
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

    def forward(self, given: PretrainInput, alignment_weight: float) -> Losses:
        """Apply the query and key branches, and compute the losses.

        Args:
            given: the masked clips and the clips for the key branch.
            alignment_weight: current weight λ_s of the alignment loss.

        Returns:
            the losses and measurements of this step.
        """
        clips = given.clips
        encoded = self.query.encoder(clips.query, self.decoder.mask_token)
        motion = self._motion_loss(self._watched(encoded, "motion"), clips)
        alignment, accuracy, keys = self._alignment_loss(self._watched(encoded, "alignment"), given)
        return Losses(
            total=self.motion.weight * motion + alignment_weight * alignment,
            motion=motion.detach(),
            alignment=alignment.detach(),
            contrastive_accuracy=accuracy,
            keys=keys,
        )

    def predict(self, clips: MaskedClips) -> list[Float[Tensor, "49 2 predicted"]]:
        """Predict the targets of the masked frames: one prediction for each output of the decoder."""
        return self.decoder(self.query.encoder(clips.query, self.decoder.mask_token), clips)

    def after_step(self, keys: Float[Tensor, "keys projected"], numbers: Int[Tensor, " clips"]) -> None:
        """Update the key branch and the memory bank. Call this after the optimizer's step.

        Args:
            keys: keys of the step (`Losses.keys`).
            numbers: number of the clip that each key belongs to.
        """
        if self.alignment.weight > 0:
            update_momentum(self.key, self.query, self.alignment.momentum)
            self.bank.enqueue(keys, numbers)

    def _motion_loss(self, encoded: Tensor, clips: MaskedClips) -> Float[Tensor, ""]:
        if self.motion.weight == 0:
            return encoded.new_zeros((), dtype=torch.float32)
        predicted = self.decoder(encoded, clips)
        loss = encoded.new_zeros((), dtype=predicted[0].dtype)
        for output, target, share in zip(predicted, clips.targets, self.motion.weights, strict=False):
            loss = loss + share * prediction_loss(
                output, target.values, target.weight, clips.masked, self.motion.loss, self.motion.reduction
            )
        return loss

    def _alignment_loss(
        self, encoded: Tensor, given: PretrainInput
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, "keys projected"]]:
        if self.alignment.weight == 0:
            nothing = encoded.new_zeros((), dtype=torch.float32)
            return nothing, nothing, nothing.new_zeros((0, self.alignment.features))
        assert given.key is not None
        query = self.query.project(encoded, given.clips.query.packing)
        with torch.no_grad():
            key = self.key.project(self.key.encoder(given.key), given.key.packing)
        logits = contrastive_logits(query, key, self.bank, given.numbers, self.alignment.temperature)
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

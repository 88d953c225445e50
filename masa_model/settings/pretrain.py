"""Settings of pre-training. The defaults are the paper's values, where the paper gives them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from masa_model.settings.augment import MILD_AUGMENTATION, AugmentSettings
from masa_model.settings.choices import (
    MAX_FRAMES,
    CropReference,
    Decay,
    LossKind,
    Objective,
    Precision,
    Reduction,
    Size,
)
from masa_model.settings.data import DataSettings
from masa_model.settings.masking import MaskingSettings, with_first_rule
from masa_model.settings.network import NETWORKS, NetworkSettings
from masa_model.settings.resolve import RunSettings, merged, renamed
from masa_model.settings.types import Count, Positive, Section, Seed, Share, Weight, Width, named


class InputSettings(Section):
    """Settings of the network's input: how stored clips become batches.

    Attributes:
        crop_reference: the square crop around each hand: "frame" computes a new one in every frame, "clip"
            uses one for the whole clip.
        max_frames: maximum number of frames of a clip; of a longer clip every n-th frame is used, with the
            smallest n that is sufficient.
        noise: standard deviation σ of Gaussian noise that is added to the keypoint coordinates (Table XIII),
            in 1/256 of a part's side. It is added to training clips, and in fine-tuning also to the clips
            that choose the best epoch. Masked frames are chosen from coordinates without noise.
    """

    crop_reference: CropReference = "frame"
    max_frames: Count = MAX_FRAMES
    noise: Weight = 0.0


class MotionSettings(Section):
    """Settings of motion prediction: the decoder's target, and its loss L_m (Eq. 4).

    Attributes:
        objective: prediction target of the decoder: "motion" residuals, or the "joint" coordinates (Table
            VI).
        interval: interval k of a motion residual: distance in frames between its two positions. With a list,
            motion is predicted at several intervals, each with its own output layers.
        weights: weight of the motion loss of each interval: one number for each number in motion.interval.
        weight: weight of the motion prediction loss L_m in the total loss; 0 trains with semantic alignment
            only (Table VIII).
        scale: number by which motion residuals are divided before they are predicted, in 1/256 of a part's
            side.
        loss: error function of the motion loss: "l2" for squared errors, "l1" for absolute errors.
        reduction: how the errors of a frame are combined: "mean", or "sum" as Eq. 4 is written.
    """

    objective: Objective = "motion"
    interval: Annotated[tuple[Count, ...], Field(max_length=64)] = (3,)
    weights: Annotated[tuple[Positive, ...], Field(max_length=64)] = (1.0,)
    weight: Weight = 1.0
    scale: Positive = 32.0
    loss: LossKind = "l2"
    reduction: Reduction = "mean"

    @field_validator("interval", "weights", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return value if isinstance(value, list | tuple) else (value,)

    @model_validator(mode="before")
    @classmethod
    def _equal_weights(cls, values: object) -> object:
        if isinstance(values, dict) and "interval" in values and "weights" not in values:
            interval = values["interval"]
            count = len(interval) if isinstance(interval, list | tuple) else 1
            return {**values, "weights": (1 / max(count, 1),) * count}
        return values

    @model_validator(mode="after")
    def _as_many_weights(self) -> MotionSettings:
        if not self.interval or len(self.interval) != len(self.weights):
            raise ValueError(
                f"{len(self.interval)} intervals and {len(self.weights)} weights, expected equal numbers"
            )
        return self


class AlignmentSettings(Section):
    """Settings of momentum semantic alignment, and its contrastive loss L_s (Eq. 5 to 8).

    Attributes:
        weight: final weight λ_s of the alignment loss L_s in the total loss; 0 trains with motion prediction
            only (Table VIII).
        ramp: fraction of all steps during which λ_s rises linearly from 0 (paper: 100 of 400 epochs).
        ratio: masking ratio α_r of the key branch (Eq. 5): fraction of a clip's frames that the key branch
            does not see.
        temperature: temperature τ of the contrastive loss (Eq. 8).
        bank_size: number K of keys in the memory bank; it is limited to half the number of training clips.
        momentum: momentum μ of the moving average that updates the key branch.
        features: length of the projected feature vectors of query and key.
    """

    weight: Weight = 0.05
    ramp: Share = 0.25
    ratio: Share = 0.5
    temperature: Positive = 0.07
    bank_size: Count = 6144
    momentum: Share = 0.996
    features: Width = 128


class OptimizerSettings(Section):
    """Settings of the AdamW optimizer and its learning rate schedule.

    Attributes:
        learning_rate: highest learning rate of the schedule.
        warm_up: fraction of all steps during which the learning rate rises linearly from 0 (paper: 20 of 400
            epochs); after that it decreases linearly to 0.
        betas: decay rates β₁ and β₂ of AdamW's moving averages.
        weight_decay: weight decay of AdamW.
        decay: parameters to which weight decay is applied: "all" parameters, or only the weight "matrices" of
            linear layers, which excludes biases, normalization layers and learned tokens.
        clip_gradients: maximum norm of the gradient; larger gradients are scaled down to it. 0 turns gradient
            clipping off.
    """

    learning_rate: Positive = 1e-4
    warm_up: Share = 0.05
    betas: tuple[Share, Share] = (0.9, 0.95)
    weight_decay: Weight = 1e-4
    decay: Decay = "all"
    clip_gradients: Weight = 0.0


class PretrainSettings(RunSettings):
    """Settings of a pre-training run.

    Example:
        >>> PretrainSettings(size="tiny").epochs
        10

    Attributes:
        size: preset of the network, the optimizer, the augmentation and the number of epochs: "base" is the
            paper's; "small" and "tiny" are for one machine and fewer clips.
        epochs: number of passes over the training clips.
        batch_size: number of clips in a training step, in all processes together. "auto" is 512 for "base"
            and 64 for the others, but less for few clips or little memory; the run records the number.
        seed: random seed of the initial weights, the order of clips and the choice of masked frames.
        save_every: number of epochs between two checkpoints that are kept.
        save_minutes: time in minutes between two checkpoints within an epoch; the run can resume from each.
        probe_every: number of epochs between two probes, which measure how well the features separate signs;
            0 turns probes off.
        precision: number format of the network's computations; losses and weights are always float32. "auto"
            is bf16 on a GPU that supports it, else fp32; the run records which one was used.
        compile: if true, the networks are compiled with torch.compile, which takes about a minute and makes
            training steps faster.
        recompute: if true, the backward pass computes activations again instead of keeping them: a step needs
            a third to a half less memory and up to a third more time. Not together with compile.
        augment: augmentation of query and key; each uses its own random numbers (the paper uses none).
    """

    size: Size = "base"
    epochs: Count = 400
    batch_size: Count | Literal["auto"] = "auto"
    seed: Seed = 0
    save_every: Count = 50
    save_minutes: Weight = 10.0
    probe_every: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "auto"
    compile: bool = False
    recompute: bool = False
    network: NetworkSettings = NETWORKS["base"]
    inputs: InputSettings = InputSettings()
    masking: MaskingSettings = MaskingSettings()
    motion: MotionSettings = MotionSettings()
    alignment: AlignmentSettings = AlignmentSettings()
    augment: AugmentSettings = AugmentSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    data: DataSettings = DataSettings()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: object) -> object:
        """Apply the preset of the size; explicitly given values take precedence."""
        if not isinstance(values, dict):
            return values
        values = with_first_rule(renamed(values))
        return merged(named(PRESETS, values.get("size", "base")), values)

    @model_validator(mode="after")
    def _something_to_learn(self) -> PretrainSettings:
        if self.motion.weight == 0 and self.alignment.weight == 0:
            raise ValueError("motion.weight and alignment.weight are both 0: there is nothing to learn")
        if self.masking.ratio == 0 and self.alignment.weight == 0:
            raise ValueError("masking.ratio and alignment.weight are both 0: there is nothing to learn")
        if self.compile and self.recompute:
            raise ValueError("compile and recompute are both true: choose one of them")
        return self

    def without_effect(self) -> dict[str, str]:
        """See RunSettings."""
        found: dict[str, str] = {}

        def idle(why: str, group: str, *names: str) -> None:
            found.update({f"{group}.{name}": why for name in names})

        thresholds = ("motion_threshold", "min_moving_fraction", "magnitude", "denominator")
        if self.masking.rule == "released":
            idle("masking.rule is released, which does not use it", "masking", *thresholds[1:])
        if self.masking.strategy == "random":
            idle("masking.strategy is random, which ignores motion", "masking", "rule", *thresholds)
        own_interval = ("interval",) if self.masking.interval is not None else ()
        if self.motion.objective == "joint":
            idle("motion.objective is joint", "motion", "scale", "weights", *own_interval)
        if self.motion.weight == 0:
            rest = ("objective", "scale", "weights", "loss", "reduction", *own_interval)
            idle("motion.weight is 0", "motion", *rest)
            idle("motion.weight is 0, so the decoder is not used", "network", "decoder_blocks")
        if self.alignment.weight == 0:
            rest = ("ramp", "ratio", "temperature", "bank_size", "momentum", "features")
            idle("alignment.weight is 0", "alignment", *rest)
        return found


# For few clips. Query and key are augmented, because among few clips the positive key is found too easily.
# The temperature is higher, because many keys in the bank are of the same sign. Measured with "tiny"
# (docs/reproduction.md).
_FEW_CLIPS: dict[str, Any] = {"augment": MILD_AUGMENTATION, "alignment": {"temperature": 0.2}}

# "small" and "tiny" are for fewer clips and one machine. Their learning rate is higher, because their layers
# are narrower.
PRESETS: dict[str, dict[str, Any]] = {
    "base": {},
    "small": {
        "network": NETWORKS["small"].model_dump(),
        "optimizer": {"learning_rate": 5e-4},
        **_FEW_CLIPS,
        "epochs": 200,
    },
    "tiny": {
        "network": NETWORKS["tiny"].model_dump(),
        "optimizer": {"learning_rate": 1e-3},
        **_FEW_CLIPS,
        "epochs": 10,
    },
}

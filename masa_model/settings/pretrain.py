"""What can be chosen about pre-training. Defaults are the paper's where it says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from masa_model.settings.choices import (
    MAX_FRAMES,
    CropReference,
    Decay,
    LossKind,
    Objective,
    Precision,
    Reduction,
    Size,
    Storage,
)
from masa_model.settings.masking import MaskingSettings, with_first_rule
from masa_model.settings.network import NETWORKS, NetworkSettings
from masa_model.settings.resolve import RunSettings, merged, renamed
from masa_model.settings.types import Count, Positive, Section, Seed, Share, Weight, Width, named


class InputSettings(Section):
    """How stored clips become batches.

    Attributes:
        crop_reference: the square around a hand: a new one in every "frame", or one for the whole "clip".
        max_frames: maximum number of frames of a clip; longer clips are thinned out evenly to this number.
        noise: standard deviation of Gaussian noise that is added to the coordinates of training clips, and of
            the clips that choose the best epoch (Table XIII), in 1/256 of a part's side. Masks are chosen
            on the coordinates without noise.
    """

    crop_reference: CropReference = "frame"
    max_frames: Count = MAX_FRAMES
    noise: Weight = 0.0


class AugmentSettings(Section):
    """Random variation of training clips; 0 turns a variation off.

    Attributes:
        rotation: maximum rotation in degrees, in either direction.
        scale: maximum relative change of the size of body and hands.
        shift: maximum shift of the body, in 1/256 of the frame's longer side.
        joint_drop: probability that a keypoint is missing in the whole clip.
        hand_swap: probability that the clip is mirrored, so that left and right hand change places.
    """

    rotation: Weight = 0.0
    scale: Share = 0.0
    shift: Weight = 0.0
    joint_drop: Share = 0.0
    hand_swap: Share = 0.0


class MotionSettings(Section):
    """What the decoder predicts, and its loss L_m (Eq. 4).

    Attributes:
        objective: predict "motion" residuals, or the "joint" coordinates themselves (Table VI).
        interval: distance k in frames between the two positions of a motion residual; a list predicts motion
            at several scales, each with its own output head.
        weights: weight of the loss of each interval; as many numbers as there are intervals.
        weight: weight of L_m in the total loss; 0 trains with semantic alignment only (Table VIII).
        scale: number by which targets are divided, in 1/256 of a part's side.
        loss: "l2" for squared errors, "l1" for absolute errors.
        reduction: how the errors of a frame are combined: their "mean", or their "sum" as Eq. 4 is written.
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
                f"{len(self.interval)} intervals and {len(self.weights)} weights, expected as many"
            )
        return self


class AlignmentSettings(Section):
    """Momentum semantic alignment, and its loss L_s (Eq. 5 to 8).

    Attributes:
        weight: final weight λ_s of L_s in the total loss; 0 trains with motion prediction only (Table VIII).
        ramp: fraction of all steps during which λ_s rises from 0 (paper: 100 of 400 epochs).
        ratio: α_r, the fraction of frames that the key branch does not see.
        temperature: temperature τ of the contrastive loss.
        bank_size: number K of keys in the memory bank; at most half the number of training clips is used.
        momentum: momentum μ of the moving average that updates the key branch.
        features: length of the projected vectors of query and key.
    """

    weight: Weight = 0.05
    ramp: Share = 0.25
    ratio: Share = 0.5
    temperature: Positive = 0.07
    bank_size: Count = 6144
    momentum: Share = 0.996
    features: Width = 128


class OptimizerSettings(Section):
    """The optimizer AdamW and its schedule.

    Attributes:
        learning_rate: highest learning rate of the schedule.
        warm_up: fraction of all steps during which the learning rate rises from 0 (paper: 20 of 400 epochs);
            after that it falls to 0.
        betas: the two decay rates of AdamW's moving averages.
        weight_decay: weight decay of AdamW.
        decay: parameters to which weight decay is applied: "all", or only the "matrices" of linear layers,
            which excludes biases, norms and learned tokens.
        clip_gradients: maximum norm of the gradient; 0 does not limit it.
    """

    learning_rate: Positive = 1e-4
    warm_up: Share = 0.05
    betas: tuple[Share, Share] = (0.9, 0.95)
    weight_decay: Weight = 1e-4
    decay: Decay = "all"
    clip_gradients: Weight = 0.0


class DataSettings(Section):
    """Which clips are used for training.

    Attributes:
        splits: splits to train on; "none" stands for clips without a split.
        ratio: fraction of each corpus's clips that is used (Fig. 2).
        storage: where clips are kept during training: "stream" reads them from disk, "memory", "gpu", or
            "auto": on the GPU if they need less than 25 % of its free memory, else in memory by the same
            rule, else from disk.
        any_estimator: use files of different pose estimators together.
    """

    splits: tuple[Literal["train", "val", "test", "none"], ...] = ("train", "none")
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    storage: Storage = "auto"
    any_estimator: bool = False


class PretrainSettings(RunSettings):
    """All settings of a pre-training run.

    Attributes:
        size: preset of network, recipe and number of epochs: "base" (the paper's), "small" or "tiny".
        epochs: number of passes over the clips.
        batch_size: number of clips in a training step of each process.
        seed: seed of the first weights, the order of clips and the masks.
        save_every: number of epochs between checkpoints that are kept.
        save_minutes: minutes within an epoch after which a checkpoint is written from which the run can
            resume.
        probe_every: number of epochs between probes of the features; 0 does not probe.
        precision: number format of the network's arithmetic; losses and weights are always float32. "auto"
            is bf16 on a GPU that supports it, else fp32; the run records what was used.
        compile: compile the networks with torch.compile, which takes about a minute and makes steps faster.
        augment: how query and key are varied, each with its own random numbers (the paper: not at all).
    """

    size: Size = "base"
    epochs: Count = 400
    batch_size: Count = 64
    seed: Seed = 0
    save_every: Count = 50
    save_minutes: Weight = 10.0
    probe_every: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "auto"
    compile: bool = False
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
        """A size sets network, recipe and number of epochs; values that are given take precedence."""
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
        return self

    def without_effect(self) -> dict[str, str]:
        """See RunSettings."""
        found: dict[str, str] = {}

        def idle(why: str, group: str, *names: str) -> None:
            found.update({f"{group}.{name}": why for name in names})

        thresholds = ("motion_threshold", "min_moving_fraction", "magnitude", "denominator")
        if self.masking.rule == "released":
            idle("the released rule counts coordinates that grow", "masking", *thresholds[1:])
        if self.masking.strategy == "random":
            idle("masking.strategy is random, which asks for no motion", "masking", "rule", *thresholds)
        own_interval = ("interval",) if self.masking.interval is not None else ()
        if self.motion.objective == "joint":
            idle("motion.objective is joint", "motion", "scale", "weights", *own_interval)
        if self.motion.weight == 0:
            rest = ("objective", "scale", "weights", "loss", "reduction", *own_interval)
            idle("motion.weight is 0", "motion", *rest)
            idle("motion.weight is 0, and nothing is decoded", "network", "decoder_blocks")
        if self.alignment.weight == 0:
            rest = ("ramp", "ratio", "temperature", "bank_size", "momentum", "features")
            idle("alignment.weight is 0", "alignment", *rest)
        return found


# It keeps a sign what it is (docs/reproduction.md).
MILD_AUGMENTATION: dict[str, float] = {"rotation": 10.0, "scale": 0.15, "shift": 10.0, "joint_drop": 0.05}

# Query and key are varied, since among few clips the right key is found too easily; a higher temperature,
# since many keys are of the same sign. Measured with tiny (docs/reproduction.md).
_FEW_CLIPS: dict[str, Any] = {"augment": MILD_AUGMENTATION, "alignment": {"temperature": 0.2}}

# small and tiny: for fewer clips and one machine, with a higher learning rate since they are narrower.
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

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
    """From stored clips to batches.

    Attributes:
        crop_reference: a hand's box follows it from "frame" to frame, or is one for the "clip".
        max_frames: longer clips are thinned out to this many frames.
        noise: σ of Gaussian noise added to the coordinates of clips that are trained on, and of those that
            choose an epoch (Table XIII), in 1/256 of a part's side; frames are masked without regard to it.
    """

    crop_reference: CropReference = "frame"
    max_frames: Count = MAX_FRAMES
    noise: Weight = 0.0


class AugmentSettings(Section):
    """How training clips are varied; 0 = not at all.

    Attributes:
        rotation: at most so many degrees either way.
        scale: body and hands grow or shrink by at most this share.
        shift: the body moves by at most so much, in 1/256 of the frame's longer side.
        joint_drop: the chance that a keypoint is missing for the whole clip.
        hand_swap: the chance that the clip is seen in a mirror, left hand for right.
    """

    rotation: Weight = 0.0
    scale: Share = 0.0
    shift: Weight = 0.0
    joint_drop: Share = 0.0
    hand_swap: Share = 0.0


class MotionSettings(Section):
    """What the decoder predicts (Eq. 4).

    Attributes:
        objective: motion residuals, or the joints themselves (Table VI).
        interval: k; several for multi-scale motion, each with a head of its own.
        weights: of each interval's loss; as many as there are intervals.
        weight: of L_m as a whole; 0 = SA only (Table VIII).
        scale: targets are divided by this.
        loss: squares, or absolute values.
        reduction: of a frame's entries: mean, or sum as in the letter of Eq. 4.
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
    """Momentum semantic alignment (Eq. 5–8).

    Attributes:
        weight: λ_s at its height; 0 = MA only (Table VIII).
        ramp: share of all steps over which λ_s rises from 0 (paper: 100 of 400 epochs).
        ratio: α_r, the share of frames that the key does not see.
        temperature: τ.
        bank_size: K; at most half the number of training clips is used.
        momentum: μ.
        features: of query and key.
    """

    weight: Weight = 0.05
    ramp: Share = 0.25
    ratio: Share = 0.5
    temperature: Positive = 0.07
    bank_size: Count = 6144
    momentum: Share = 0.996
    features: Width = 128


class OptimiserSettings(Section):
    """AdamW and its schedule.

    Attributes:
        learning_rate: at its height.
        warm_up: share of all steps over which it rises from 0 (paper: 20 of 400 epochs); then it falls to 0.
        betas: of AdamW.
        weight_decay: likewise.
        decay: what it is applied to: "all" parameters, or only the "matrices" of linear layers, which leaves
            out biases, norms and learned tokens.
        clip_gradients: longest gradient; 0 = as it is.
    """

    learning_rate: Positive = 1e-4
    warm_up: Share = 0.05
    betas: tuple[Share, Share] = (0.9, 0.95)
    weight_decay: Weight = 1e-4
    decay: Decay = "all"
    clip_gradients: Weight = 0.0


class DataSettings(Section):
    """Which clips.

    Attributes:
        splits: train, val, test; "none" = clips without a split.
        ratio: the share of each corpus's clips that is used (Fig. 2).
        storage: where the clips are held.
        any_estimator: whether the files may be of different estimators.
    """

    splits: tuple[Literal["train", "val", "test", "none"], ...] = ("train", "none")
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    storage: Storage = "auto"
    any_estimator: bool = False


class PretrainSettings(RunSettings):
    """All of it.

    Attributes:
        size: which preset `network` started from.
        epochs: over the clips.
        batch_size: clips of a step in each process.
        seed: of weights, order and masks.
        save_every: epochs between checkpoints that are kept.
        save_minutes: minutes of an epoch after which a checkpoint to go on from is written within it.
        probe_every: epochs between probes; 0 = none.
        precision: of the networks' arithmetic; losses and weights are always float32. "auto" is bf16 on a GPU
            that has it, else fp32; a run writes down what was taken.
        compile: whether torch.compile makes the networks faster, which takes a minute first.
        augment: how query and key are varied, each by draws of its own (the paper's: not at all).
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
    optimiser: OptimiserSettings = OptimiserSettings()
    data: DataSettings = DataSettings()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: object) -> object:
        """A size stands for its network, recipe and length; what is said besides goes before it."""
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
        "optimiser": {"learning_rate": 5e-4},
        **_FEW_CLIPS,
        "epochs": 200,
    },
    "tiny": {
        "network": NETWORKS["tiny"].model_dump(),
        "optimiser": {"learning_rate": 1e-3},
        **_FEW_CLIPS,
        "epochs": 10,
    },
}

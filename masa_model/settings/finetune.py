"""What can be chosen about fine-tuning. Defaults are the paper's; "tuned" is a second recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from masa_model.settings.choices import Decay, Head, Pooling, Precision, Recipe, Sampling, Size, Storage
from masa_model.settings.network import NETWORKS, NetworkSettings
from masa_model.settings.pretrain import MILD_AUGMENTATION, AugmentSettings, InputSettings
from masa_model.settings.resolve import RunSettings, merged, renamed
from masa_model.settings.types import Count, Positive, Section, Seed, Share, Weight, named


class SamplingSettings(Section):
    """Which frames of a clip are seen.

    Attributes:
        frames: as many at most; a shorter clip keeps all of its own, or all that the stride leaves.
        how: "window", neighbouring frames; "stride", every second one; or "spread" over the whole clip.
    """

    frames: Count = 32
    how: Sampling = "window"


class HeadSettings(Section):
    """From the encoder's frames to classes.

    Attributes:
        kind: a linear layer, or one after batch normalisation and dropout ("batch-norm").
        pooling: the plain average over frames, or one whose weights are learned ("softmax").
        dropout: of the batch-norm head.
    """

    kind: Head = "linear"
    pooling: Pooling = "average"
    dropout: Share = 0.0


class FinetuneOptimiserSettings(Section):
    """The optimiser and its schedule.

    Attributes:
        kind: SGD with momentum 0.9 and a stepped schedule, or AdamW with warm-up and a linear end.
        learning_rate: at its height.
        head_factor: the head's learning rate as a multiple of it.
        momentum: of SGD.
        weight_decay: of either.
        decay: what it is applied to: "all" parameters, or only the "matrices" of linear layers, which leaves
            out biases, norms and learned tokens.
        drops: SGD: how often the learning rate falls to a tenth, at equal distances (paper: every 20 of 60
            epochs: 2).
        warm_up: AdamW: share of all steps over which the learning rate rises.
        head_first: share of all steps in which a pre-trained encoder stays as it is and the head alone
            learns: a new one would pull it out of shape (Kumar et al. 2022, arXiv:2202.10054).
    """

    kind: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Positive = 0.01
    head_factor: Positive = 1.0
    momentum: Share = 0.9
    weight_decay: Weight = 0.0
    decay: Decay = "all"
    drops: Annotated[int, Field(ge=0, le=1000)] = 2
    warm_up: Share = 0.1
    head_first: Share = 0.0


class FinetuneDataSettings(Section):
    """Which clips.

    Attributes:
        subset: "wlasl100", …; None = all labels.
        train: splits to learn from; "none" = clips without a split.
        val: splits by which the best epoch is chosen, where the files have clips of them.
        shots: so many clips a class, all if it has fewer; None = all.
        storage: where the clips that are trained on are held.
        any_estimator: whether files, and the keypoints that pre-training saw, may be of different estimators.
    """

    subset: str | None = None
    train: tuple[Literal["train", "val", "none"], ...] = ("train",)
    val: tuple[Literal["val"], ...] = ("val",)
    shots: Count | None = None
    storage: Storage = "auto"
    any_estimator: bool = False


class FinetuneSettings(RunSettings):
    """All of it.

    Attributes:
        recipe: which preset the rest started from.
        pretrained: the checkpoint that the encoder comes from; None = from scratch.
        freeze: whether the encoder stays as it is and only the head learns.
        size: from scratch: which network.
        epochs: over the clips.
        batch_size: clips of a step.
        val_every: epochs between two looks at val; the last epoch always is followed by one.
        save_minutes: minutes of an epoch after which a checkpoint to go on from is written within it.
        seed: of weights, order, sampling and draws of clips.
        precision: of the network's arithmetic while it learns; it is always evaluated in float32. "auto" is
            bf16 on a GPU that has it, else fp32; a run writes down what was taken.
        label_smoothing: share of each label that goes to all classes alike.
        class_weights: whether rare classes count as much as frequent ones ("balanced").
    """

    recipe: Recipe = "paper"
    pretrained: str | None = None
    freeze: bool = False
    size: Size = "base"
    epochs: Count = 60
    batch_size: Count = 64
    val_every: Count = 1
    save_minutes: Weight = 10.0
    seed: Seed = 0
    precision: Precision = "auto"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    network: NetworkSettings = NETWORKS["base"]
    inputs: InputSettings = InputSettings()
    sampling: SamplingSettings = SamplingSettings()
    head: HeadSettings = HeadSettings()
    optimiser: FinetuneOptimiserSettings = FinetuneOptimiserSettings()
    augment: AugmentSettings = AugmentSettings()
    data: FinetuneDataSettings = FinetuneDataSettings()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: object) -> object:
        """Recipe and size stand for what they set; what is said besides goes before them."""
        if not isinstance(values, dict):
            return values
        values = renamed(values)
        preset = {**named(RECIPES, values.get("recipe", "paper"))}
        size = values.get("size", "base")
        if isinstance(size, str) and size in NETWORKS:
            preset["network"] = NETWORKS[size].model_dump()
        return merged(preset, values)

    def without_effect(self) -> dict[str, str]:
        """See RunSettings."""
        found = {"network.decoder_blocks": "a recogniser has no decoder"}
        if self.optimiser.kind == "sgd":
            found["optimiser.warm_up"] = "optimiser.kind is sgd, whose learning rate falls in steps"
        else:
            found["optimiser.momentum"] = "optimiser.kind is adamw"
            found["optimiser.drops"] = "optimiser.kind is adamw, whose learning rate falls in a line"
        if self.head.kind == "linear":
            found["head.dropout"] = "head.kind is linear"
        if self.pretrained is None:
            found["optimiser.head_first"] = "from scratch all learns from the start"
        if self.freeze:
            found["optimiser.head_first"] = "the encoder is frozen"
            found["network.graph_dropout"] = "the encoder is frozen"
        return found


# Measured on small data (docs/reproduction.md): augmentation that keeps signs what they are.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "tuned": {
        "optimiser": {"kind": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "head_first": 0.2},
        "augment": MILD_AUGMENTATION,
        "head": {"kind": "batch-norm", "dropout": 0.2},
        "sampling": {"how": "spread"},
        "label_smoothing": 0.1,
    },
}

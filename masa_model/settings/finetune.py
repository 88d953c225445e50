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
    """Which frames of a clip are used.

    Attributes:
        frames: maximum number of frames; a shorter clip keeps all frames, or all that the stride leaves.
        how: "window" uses neighboring frames, "stride" every second frame, "spread" frames spread over the
            whole clip.
    """

    frames: Count = 32
    how: Sampling = "window"


class HeadSettings(Section):
    """The classifier behind the encoder.

    Attributes:
        kind: "linear" layer, or "batch-norm": a linear layer after batch normalization and dropout.
        pooling: plain "average" over the frames, or an average with learned weights ("softmax").
        dropout: dropout rate of the batch-norm head.
    """

    kind: Head = "linear"
    pooling: Pooling = "average"
    dropout: Share = 0.0


class FinetuneOptimizerSettings(Section):
    """The optimizer and its schedule.

    Attributes:
        kind: "sgd" with momentum and a learning rate that drops in steps, or "adamw" with warm-up and a
            learning rate that falls linearly.
        learning_rate: highest learning rate of the schedule.
        head_factor: learning rate of the head as a multiple of the encoder's.
        momentum: momentum of SGD.
        weight_decay: weight decay of SGD or AdamW.
        decay: parameters to which weight decay is applied: "all", or only the "matrices" of linear layers,
            which excludes biases, norms and learned tokens.
        drops: SGD: how many times the learning rate is divided by ten, at equal distances (paper: every 20
            of 60 epochs, which is 2 times).
        warm_up: AdamW: fraction of all steps during which the learning rate rises.
        head_first: fraction of all steps in which only the head is trained and a pre-trained encoder stays
            unchanged, because a new head would distort it (Kumar et al. 2022, arXiv:2202.10054).
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
    """Which clips are used.

    Attributes:
        subset: name of a subset of labels, such as wlasl100; without a value, all labels.
        train: splits to train on; "none" stands for clips without a split.
        val: splits that choose the best epoch, if the files have such clips.
        shots: number of training clips of each class, or all if a class has fewer; without a value, all.
        storage: where training clips are kept: "stream" reads them from disk, "memory", "gpu", or "auto": on
            the GPU if they need less than 25 % of its free memory, else in memory by the same rule, else from
            disk.
        any_estimator: use files, and pre-training, of different pose estimators together.
    """

    subset: str | None = None
    train: tuple[Literal["train", "val", "none"], ...] = ("train",)
    val: tuple[Literal["val"], ...] = ("val",)
    shots: Count | None = None
    storage: Storage = "auto"
    any_estimator: bool = False


class FinetuneSettings(RunSettings):
    """All settings of a fine-tuning run.

    Attributes:
        recipe: preset of the other settings: "paper", or "tuned", which was measured on small data.
        pretrained: checkpoint of the pre-trained encoder; without a value, the encoder starts from scratch.
        freeze: keep the encoder unchanged and train only the head.
        size: size of the network when it starts from scratch.
        epochs: number of passes over the training clips.
        batch_size: number of clips in a training step.
        val_every: number of epochs between two evaluations on val; the last epoch is always evaluated.
        save_minutes: minutes within an epoch after which a checkpoint is written from which the run can
            resume.
        seed: seed of the first weights, the order of clips, the sampling of frames and the choice of clips.
        precision: number format of the network's arithmetic in training; evaluation always uses float32.
            "auto" is bf16 on a GPU that supports it, else fp32; the run records what was used.
        label_smoothing: fraction of each label that is spread over all classes.
        class_weights: "balanced" gives rare classes as much total weight as frequent ones.
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
    optimizer: FinetuneOptimizerSettings = FinetuneOptimizerSettings()
    augment: AugmentSettings = AugmentSettings()
    data: FinetuneDataSettings = FinetuneDataSettings()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: object) -> object:
        """Recipe and size set other settings; values that are given take precedence."""
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
        found = {"network.decoder_blocks": "a recognizer has no decoder"}
        if self.optimizer.kind == "sgd":
            found["optimizer.warm_up"] = "optimizer.kind is sgd, whose learning rate falls in steps"
        else:
            found["optimizer.momentum"] = "optimizer.kind is adamw"
            found["optimizer.drops"] = "optimizer.kind is adamw, whose learning rate falls in a line"
        if self.head.kind == "linear":
            found["head.dropout"] = "head.kind is linear"
        if self.pretrained is None:
            found["optimizer.head_first"] = "from scratch all learns from the start"
        if self.freeze:
            found["optimizer.head_first"] = "the encoder is frozen"
            found["network.graph_dropout"] = "the encoder is frozen"
        return found


# Measured on small data (docs/reproduction.md): augmentation that keeps signs what they are.
RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "tuned": {
        "optimizer": {"kind": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "head_first": 0.2},
        "augment": MILD_AUGMENTATION,
        "head": {"kind": "batch-norm", "dropout": 0.2},
        "sampling": {"how": "spread"},
        "label_smoothing": 0.1,
    },
}

"""Settings of fine-tuning. The defaults are the paper's; "tuned" is a second recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from masa_model.settings.augment import MILD_AUGMENTATION, AugmentSettings
from masa_model.settings.choices import (
    Decay,
    Head,
    HeadStart,
    Pooling,
    Precision,
    Recipe,
    Sampling,
    Size,
    Storage,
)
from masa_model.settings.network import NETWORKS, NetworkSettings
from masa_model.settings.pretrain import InputSettings
from masa_model.settings.resolve import RunSettings, merged, renamed
from masa_model.settings.types import Count, Positive, Section, Seed, Share, Weight, named


class SamplingSettings(Section):
    """Settings of temporal sampling: which frames of a clip the network sees.

    Attributes:
        frames: maximum number of frames that are sampled from a clip. A shorter clip keeps all of its frames;
            with "stride", every second one.
        how: how frames are sampled: "window" uses neighboring frames, "stride" uses every second frame of a
            window, "spread" uses frames spread evenly over the whole clip.
    """

    frames: Count = 32
    how: Sampling = "window"


class HeadSettings(Section):
    """Settings of the classification head, which follows the encoder.

    Attributes:
        kind: type of the classification head: "linear" is one linear layer, "batch-norm" is batch
            normalization, dropout and a linear layer.
        pooling: how the features of a clip's frames are combined: "average" is the plain mean, "softmax" is a
            weighted mean with learned weights.
        dropout: dropout rate of the batch-norm head.
        start: initial weights of a head on a pre-trained encoder: "random", or "class-means": training then
            starts from the class means of the frozen features.
    """

    kind: Head = "linear"
    pooling: Pooling = "average"
    dropout: Share = 0.0
    start: HeadStart = "random"


class FinetuneOptimizerSettings(Section):
    """Settings of the optimizer and its learning rate schedule.

    Attributes:
        kind: optimizer: "sgd" is SGD with momentum and a learning rate that drops in steps, "adamw" is AdamW
            with warm-up and linear decay of the learning rate.
        learning_rate: highest learning rate of the schedule.
        head_factor: learning rate of the classification head, as a multiple of the encoder's learning rate.
        momentum: momentum of SGD; AdamW does not use it.
        weight_decay: weight decay of SGD or AdamW.
        decay: parameters to which weight decay is applied: "all" parameters, or only the weight "matrices" of
            linear layers, which excludes biases, normalization layers and learned tokens.
        drops: for SGD, how many times the learning rate is divided by ten, at equal intervals (paper: every
            20 of 60 epochs, which is 2 times).
        warm_up: for AdamW, fraction of all steps during which the learning rate rises from 0; after that it
            decreases linearly to 0.
        head_first: fraction of all steps, at the start, during which only the classification head is trained
            and the pre-trained encoder stays unchanged. Otherwise the untrained head would distort the
            encoder's features (Kumar et al. 2022, arXiv:2202.10054).
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
    """Settings that select clips and say where they are kept.

    Attributes:
        subset: name of a subset of labels, such as wlasl100; without a value, all labels are used.
        train: splits to train on; "none" stands for clips without a split.
        val: splits that choose the best epoch, if the files have clips of these splits.
        shots: number of training clips for each class; a class with fewer clips uses all of them. Without a
            value, all clips are used.
        storage: where training clips are kept: "stream" reads them from disk, "memory" keeps them in main
            memory. "auto" uses main memory if the clips need less than 25 % of its free part, else the disk.
        any_estimator: if true, files of different pose estimators can be used together, and with a checkpoint
            that was pre-trained on keypoints of another pose estimator.
    """

    subset: str | None = None
    train: tuple[Literal["train", "val", "none"], ...] = ("train",)
    val: tuple[Literal["val"], ...] = ("val",)
    shots: Count | None = None
    storage: Storage = "auto"
    any_estimator: bool = False


class FinetuneSettings(RunSettings):
    """Settings of a fine-tuning run.

    Example:
        >>> FinetuneSettings(recipe="tuned").optimizer.kind
        'adamw'

    Attributes:
        recipe: preset of the other settings: "paper", or "tuned", which was tuned on small data.
        pretrained: path of the pre-training checkpoint whose encoder is used; without a value, the encoder
            starts from random weights.
        freeze: if true, the encoder stays unchanged and only the classification head is trained.
        size: size of the network, if it starts from random weights.
        epochs: number of passes over the training clips.
        batch_size: number of clips in a training step.
        val_every: number of epochs between two evaluations on the val clips; the last epoch is always
            evaluated.
        save_minutes: time in minutes between two checkpoints within an epoch; the run can resume from each.
        seed: random seed of the initial weights, the order of clips, the sampling of frames and the choice of
            clips.
        precision: number format of the network's computations in training; evaluation always uses float32.
            "auto" is bf16 on a GPU that supports it, else fp32; the run records which one was used.
        label_smoothing: label smoothing: fraction of each label's weight that is spread over all classes.
        class_weights: weights of the classes in the loss: "none" weights all clips equally, "balanced" gives
            each class the same total weight, so that clips of rare classes count more.
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
        """Apply the presets of recipe and size; explicitly given values take precedence."""
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
            found["optimizer.warm_up"] = "optimizer.kind is sgd, whose learning rate drops in steps"
        else:
            found["optimizer.momentum"] = "optimizer.kind is adamw"
            found["optimizer.drops"] = "optimizer.kind is adamw, whose learning rate decreases linearly"
        if self.head.kind == "linear":
            found["head.dropout"] = "head.kind is linear"
        if self.pretrained is None:
            found["optimizer.head_first"] = "the encoder is not pre-trained"
            found["head.start"] = "the encoder is not pre-trained"
        if self.freeze:
            found["optimizer.head_first"] = "the encoder is frozen"
            found["network.graph_dropout"] = "the encoder is frozen"
        return found


# "tuned" was tuned on small data (docs/reproduction.md); its augmentation does not change a sign's meaning.
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

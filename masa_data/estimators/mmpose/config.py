"""The part of MMPose's configurations that determines a model's results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from masa_data.errors import DataError
from masa_data.estimators.mmpose.models import PRESETS, ModelCard
from masa_data.estimators.mmpose.stand_ins import quietly

Family = Literal["heatmap", "simcc"]
Precision = Literal["fp32", "bf16", "fp16"]

_FAMILIES: Final[dict[str, Family]] = {
    "HeatmapHead": "heatmap",
    "ViPNASHead": "heatmap",
    "RTMCCHead": "simcc",
    "RTMWHead": "simcc",
}
_NUM_WHOLE_BODY: Final = 133
_PIPELINE: Final = ("LoadImage", "GetBBoxCenterScale", "TopdownAffine", "PackPoseInputs")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The values in a model's configuration that change its results or the meaning of its scores.

    Attributes:
        input_size: width and height of the model's input, a crop of the frame, in pixels.
        padding: size of the crop relative to the signer's box.
        family: heat maps, or one vector per axis (SimCC).
        target_peak: target score in training for a clearly visible keypoint.
    """

    input_size: tuple[int, int]
    padding: float
    family: Family
    target_peak: float


def read_facts(card: ModelCard) -> ModelFacts:
    """Read the values in a model's configuration.

    Raises:
        DataError: if it is not a top-down model for COCO-WholeBody of a supported family.
    """
    return facts_of(read_config(card), card.name)


def read_config(card: ModelCard) -> Any:
    """Read MMPose's configuration. It is Python code, so it is only read from MMPose's wheel."""
    if "mmpose::" in card.config.read_text(encoding="utf-8"):
        raise DataError(
            f"{card.name} inherits from MMPose in a way that requires the removed pkg_resources",
            f"Choose another {{model}}, such as {', '.join(PRESETS)}",
            model=...,
        )
    with quietly():
        from mmengine.config import Config

        config = Config.fromfile(card.config)
    if config.model.get("backbone", {}).get("_scope_") == "mmdet":
        config.model.backbone._scope_ = "mmpose"  # both have the same backbone, so mmdet is not needed
    return config


def facts_of(config: Any, name: str) -> ModelFacts:
    """Return the values in a configuration; see read_facts."""
    model = config.model
    head = model.get("head", {})
    family = _FAMILIES.get(head.get("type", ""))
    if model.type != "TopdownPoseEstimator" or family is None or head.get("out_channels") != _NUM_WHOLE_BODY:
        raise DataError(
            f"{name} is not a top-down model for the {_NUM_WHOLE_BODY} keypoints of COCO-WholeBody "
            f"({model.type}, {head.get('type', 'no head')})",
            f"Choose another {{model}}, such as {', '.join(PRESETS)}",
            model=...,
        )
    steps = {step.type: step for step in config.test_dataloader.dataset.pipeline}
    if tuple(steps) != _PIPELINE or model.get("test_cfg", {}).get("flip_mode", "heatmap") != "heatmap":
        raise DataError(
            f"{name} prepares or mirrors frames in a way that is not supported ({', '.join(steps)})",
            f"Choose another {{model}}, such as {', '.join(PRESETS)}",
            model=...,
        )
    width, height = steps["TopdownAffine"].input_size
    return ModelFacts(
        (int(width), int(height)),
        float(steps["GetBBoxCenterScale"].get("padding", 1.25)),
        family,
        _target_peak(head.loss) if family == "simcc" else 1.0,
    )


def _target_peak(loss: Any) -> float:
    """Return the target score in a SimCC model's training for a clearly visible keypoint.

    KLDiscretLoss compares softmax(beta · output) with softmax(label_beta · label), and the label is a
    Gaussian of height 1: they are equal if output = label · label_beta / beta, apart from a constant.
    """
    return float(loss.get("label_beta", 10.0)) / float(loss.get("beta", 1.0))

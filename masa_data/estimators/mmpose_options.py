"""What a user chooses of MMPose, and what that comes to: which weights, which identity in the files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from masa_data.errors import DataError
from masa_data.estimators.base import INSTALL_MMPOSE
from masa_data.estimators.checkpoints import find_checkpoint
from masa_data.estimators.mmpose_config import Precision, read_facts
from masa_data.estimators.mmpose_models import DEFAULT_MODEL, find_model
from masa_data.estimators.mmpose_stand_ins import check_versions
from masa_data.hashing import file_sha256
from masa_data.shards.spec import EstimatorIdentity
from masa_data.signer import PersonMode

_HEATMAP_CONFIDENCE: Final = "height of the heat map's peak as MMPose gives it, cut to 0..1"
_SIMCC_CONFIDENCE: Final = (
    "the lower of the peaks on the two axes as MMPose gives it, divided by {peak:g}, the height that "
    "training aims at for a keypoint in plain sight, and cut to 0..1"
)


@dataclass(frozen=True, slots=True)
class MMPoseOptions:
    """What a user can choose of MMPose. Plain values, so that worker processes can be given it.

    Attributes:
        model: the exact name of a configuration of MMPose's, or one of PRESETS.
        checkpoint: a file or an address; None for the weights that MMPose publishes.
        batch_size: frames that go through the network together; None chooses by the memory there is.
        flip_test: also look at the mirror image of every frame: twice the work, a little better.
        precision: of the network's arithmetic; "bf16" and "fp16" on a GPU only.
        person: where the signer is looked for: in the whole frame; in the corpus's box; or ("auto") in that
            box if there is one, else first in the whole frame and then around the keypoints found.
    """

    model: str = DEFAULT_MODEL
    checkpoint: str | None = None
    batch_size: int | None = None
    flip_test: bool = True
    precision: Precision = "fp32"
    person: PersonMode = "auto"


def mmpose_identity(options: MMPoseOptions) -> EstimatorIdentity:
    """Version, settings and weights of a model, without building it. Its weights must be there.

    Raises:
        DataError: if MMPose is not installed, or the model or its weights cannot be used.
    """
    check_installed()
    card = find_model(options.model)
    facts = read_facts(card)
    width, height = facts.input_size
    return EstimatorIdentity(
        name="mmpose",
        version=importlib.metadata.version("mmpose"),
        settings={
            "model": card.name,
            "family": facts.family,
            "input_width": width,
            "input_height": height,
            "box_padding": facts.padding,
            "flip_test": options.flip_test,
            "precision": options.precision,
            "person": options.person,
        },
        weights_sha256=file_sha256(checkpoint_of(options)),
        confidence=_HEATMAP_CONFIDENCE
        if facts.family == "heatmap"
        else _SIMCC_CONFIDENCE.format(peak=facts.target_peak),
    )


def checkpoint_of(options: MMPoseOptions, console: Console | None = None) -> Path:
    """The file with the model's weights, downloaded first if need be.

    Raises:
        DataError: if there are none, or they cannot be downloaded.
    """
    card = find_model(options.model)
    checkpoint = options.checkpoint or card.weights
    if checkpoint is None:
        raise DataError(
            f"MMPose publishes no weights for {card.name}", "Give --checkpoint a file or an address"
        )
    return find_checkpoint(checkpoint, console)


def check_installed() -> None:
    """Check that MMPose and torch are there, without importing them.

    Raises:
        DataError: if one is missing, or of a version that was not tried.
    """
    if importlib.util.find_spec("torch") is None:
        raise DataError("torch is not installed", f"Run {INSTALL_MMPOSE}")
    check_versions()

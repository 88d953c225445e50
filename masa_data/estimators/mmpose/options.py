"""The user's options of MMPose, and the weights and the identity that follow from them."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from masa_data.disk.hashing import file_sha256
from masa_data.errors import DataError, NotInstalledError
from masa_data.estimators.base import INSTALL_MMPOSE
from masa_data.estimators.checkpoints import cached_path, find_checkpoint
from masa_data.estimators.mmpose.config import Precision, read_facts
from masa_data.estimators.mmpose.detector import (
    DETECTOR,
    DETECTOR_WEIGHTS,
    MIN_SCORE,
    check_detector_installed,
)
from masa_data.estimators.mmpose.models import DEFAULT_MODEL, find_model
from masa_data.estimators.mmpose.stand_ins import check_versions
from masa_data.estimators.signer.signer import PersonMode
from masa_data.machine.extras import is_installed
from masa_data.tracks.provenance import EstimatorIdentity

_HEATMAP_CONFIDENCE: Final = "height of the heat map's peak as MMPose gives it, cut to 0..1"
_SIMCC_CONFIDENCE: Final = (
    "the lower of the peaks on the two axes as MMPose gives it, divided by {peak:g}, the height that "
    "training aims at for a keypoint in plain sight, and cut to 0..1"
)


@dataclass(frozen=True, slots=True)
class MMPoseOptions:
    """The user's options of MMPose. All values are plain, so that they can be sent to worker processes.

    Attributes:
        model: exact name of one of MMPose's configurations, or one of PRESETS.
        checkpoint: a file or an address; None = the weights that MMPose publishes.
        batch_size: number of frames per batch; None = chosen by the free memory.
        flip_test: whether the mirror image of every frame is also used: twice the work, slightly better.
        precision: precision of the network's computations; "bf16" and "fp16" on a GPU only.
        person: where the signer is searched: in the whole frame; in the corpus's box ("annotated"); in the
            boxes of a person detector ("detect"); or in the corpus's box if there is one, else first in the
            whole frame and then around the keypoints found ("follow"). "auto" is the corpus's box if there
            is one, else "detect" if a detector is available, else "follow"; see settle_person.
        detector_checkpoint: weights of the detector, a file or an address; None = the weights that MMPose
            publishes.
    """

    model: str = DEFAULT_MODEL
    checkpoint: str | None = None
    batch_size: int | None = None
    flip_test: bool = True
    precision: Precision = "fp32"
    person: PersonMode = "auto"
    detector_checkpoint: str | None = None

    @property
    def detects(self) -> bool:
        """Whether a person detector is used; `person` must not be "auto"."""
        return self.person in ("auto", "detect")


def mmpose_identity(options: MMPoseOptions) -> EstimatorIdentity:
    """Return version, settings and weights of a model, without building it. Its weights must exist.

    Raises:
        DataError: if MMPose is not installed, or the model or its weights cannot be used.
    """
    check_installed()
    options, _ = settle_person(options)
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
            **_detector_settings(options),
        },
        weights_sha256=file_sha256(checkpoint_of(options)),
        confidence=_HEATMAP_CONFIDENCE
        if facts.family == "heatmap"
        else _SIMCC_CONFIDENCE.format(peak=facts.target_peak),
    )


def settle_person(options: MMPoseOptions) -> tuple[MMPoseOptions, str]:
    """Determine the meaning of "auto" on this machine, so that every process uses it and the file records it.

    A detector is used only if its weights need no download, so that "auto" works without internet access.

    Returns:
        the options, with the detector's weights if "auto" means detection; and for "auto", the result and its
        reason, in a line for the user.

    Raises:
        DataError: if weights are given for a detector that is not used or not installed.
    """
    if options.detector_checkpoint is not None and not options.detects:
        raise DataError(
            "{detector_checkpoint} is given, but {person} uses no detector",
            "Leave it out, or choose detection of the person",
            detector_checkpoint=...,
            person=options.person,
        )
    if options.person != "auto":
        return options, ""
    lacking = _lacking_for_detection(options)
    if lacking is not None:
        return replace(options, person="follow"), (
            f"the corpus's box if there is one, else followed ({lacking}; if there are several people, it "
            "may follow the wrong one)"
        )
    weights = options.detector_checkpoint or DETECTOR_WEIGHTS
    return replace(options, detector_checkpoint=weights), "the corpus's box if there is one, else detected"


def _lacking_for_detection(options: MMPoseOptions) -> str | None:
    """Return why "auto" cannot detect people, and what to do about it; None if it can."""
    if options.detector_checkpoint is not None:
        return None
    try:
        check_detector_installed()
    except DataError as error:
        return f"{error.reason}: run masa-doctor for a solution"
    if cached_path(DETECTOR_WEIGHTS).is_file():
        return None
    return "the detector's weights are not downloaded; detection on request downloads them"


def detector_checkpoint_of(options: MMPoseOptions, console: Console | None = None) -> Path:
    """Return the file with the detector's weights, downloaded first if necessary.

    Raises:
        DataError: if MMDetection is not installed, or they cannot be downloaded.
    """
    check_detector_installed()
    return find_checkpoint(
        options.detector_checkpoint or DETECTOR_WEIGHTS, console, argument="detector_checkpoint"
    )


def _detector_settings(options: MMPoseOptions) -> dict[str, str | float]:
    """Return the identity of the detector; empty if none is used. `person` must not be "auto"."""
    if not options.detects:
        return {}
    weights = file_sha256(detector_checkpoint_of(options))
    return {"detector": DETECTOR, "detector_min_score": MIN_SCORE, "detector_weights_sha256": weights}


def checkpoint_of(options: MMPoseOptions, console: Console | None = None) -> Path:
    """Return the file with the model's weights, downloaded first if necessary.

    Raises:
        DataError: if there are none, or they cannot be downloaded.
    """
    card = find_model(options.model)
    checkpoint = options.checkpoint or card.weights
    if checkpoint is None:
        raise DataError(
            f"MMPose publishes no weights for {card.name}",
            "Give {checkpoint} a file or an address",
            checkpoint=...,
        )
    return find_checkpoint(checkpoint, console)


def check_installed() -> None:
    """Check that MMPose and torch are installed, without importing them.

    Raises:
        DataError: if one is missing, or its version was not tested.
    """
    if not is_installed("torch"):
        raise NotInstalledError("torch is not installed", f"Run {INSTALL_MMPOSE}")
    check_versions()

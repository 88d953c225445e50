"""What a user chooses of MMPose, and what that comes to: which weights, which identity in the files."""

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
    """What a user can choose of MMPose. Plain values, so that worker processes can be given it.

    Attributes:
        model: the exact name of a configuration of MMPose's, or one of PRESETS.
        checkpoint: a file or an address; None for the weights that MMPose publishes.
        batch_size: frames that go through the network together; None chooses by the memory there is.
        flip_test: also look at the mirror image of every frame: twice the work, a little better.
        precision: of the network's arithmetic; "bf16" and "fp16" on a GPU only.
        person: where the signer is looked for: in the whole frame; in the corpus's box ("annotated"); in the
            boxes of a person detector ("detect"); or in the corpus's box if there is one, else first in the
            whole frame and then around the keypoints found ("follow"). "auto" is the corpus's box if there
            is one, else "detect" if that is at hand and "follow" if it is not; see settle_person.
        detector_checkpoint: the detector's weights, a file or an address; None for those that MMPose
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
        """Whether a person detector is used, for options of which the person is settled."""
        return self.person in ("auto", "detect")


def mmpose_identity(options: MMPoseOptions) -> EstimatorIdentity:
    """Version, settings and weights of a model, without building it. Its weights must be there.

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
    """Settle what "auto" comes to here, so that every process does the same and the file can say it.

    A detector is used only if its weights need no download: "auto" shall not need a network that the pose
    model can do without.

    Returns:
        the options, where "auto" stands for detection and names its weights; and for "auto" what was settled
        and why, in a line for the user.

    Raises:
        DataError: if weights are given for a detector that is not used, or not installed.
    """
    if options.detector_checkpoint is not None and not options.detects:
        raise DataError(
            "{detector_checkpoint} is given, but {person} detects nobody",
            "Leave it out, or have the person detected",
            detector_checkpoint=...,
            person=options.person,
        )
    if options.person != "auto":
        return options, ""
    lacking = _lacking_for_detection(options)
    if lacking is not None:
        return replace(options, person="follow"), (
            f"the corpus's box where there is one, else followed ({lacking}; of several people that may be "
            "the wrong one)"
        )
    weights = options.detector_checkpoint or DETECTOR_WEIGHTS
    return replace(options, detector_checkpoint=weights), "the corpus's box where there is one, else detected"


def _lacking_for_detection(options: MMPoseOptions) -> str | None:
    """What keeps "auto" from detecting people, and what to do about it; None if nothing does."""
    if options.detector_checkpoint is not None:
        return None
    try:
        check_detector_installed()
    except DataError as error:
        return f"{error.reason}: masa-doctor says how to mend that"
    if cached_path(DETECTOR_WEIGHTS).is_file():
        return None
    return "a detector's weights are not there: asking for detection fetches them"


def detector_checkpoint_of(options: MMPoseOptions, console: Console | None = None) -> Path:
    """The file with the detector's weights, downloaded first if need be.

    Raises:
        DataError: if MMDetection is not installed, or they cannot be downloaded.
    """
    check_detector_installed()
    return find_checkpoint(
        options.detector_checkpoint or DETECTOR_WEIGHTS, console, argument="detector_checkpoint"
    )


def _detector_settings(options: MMPoseOptions) -> dict[str, str | float]:
    """What identifies the detector; nothing if there is none. The person must be settled."""
    if not options.detects:
        return {}
    weights = file_sha256(detector_checkpoint_of(options))
    return {"detector": DETECTOR, "detector_min_score": MIN_SCORE, "detector_weights_sha256": weights}


def checkpoint_of(options: MMPoseOptions, console: Console | None = None) -> Path:
    """The file with the model's weights, downloaded first if need be.

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
    """Check that MMPose and torch are there, without importing them.

    Raises:
        DataError: if one is missing, or of a version that was not tried.
    """
    if not is_installed("torch"):
        raise NotInstalledError("torch is not installed", f"Run {INSTALL_MMPOSE}")
    check_versions()

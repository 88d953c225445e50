"""Extract pose tracks from videos, in the same way as the clips that a recognizer was trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from masa_data.corpora.clip import Problem
from masa_data.errors import DataError
from masa_data.estimators.choice import ESTIMATORS, EstimatorName
from masa_data.estimators.mmpose.options import MMPoseOptions
from masa_data.extraction.job import Output, run_extraction
from masa_data.extraction.plan import WhatToExtract, plan_extraction
from masa_data.shards.joining import check_estimator
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import EstimatorIdentity
from masa_model.training.checkpoint import CheckpointHeader

# Fields of MMPoseOptions that have the same name in the settings of an estimator's identity.
_MMPOSE_SETTINGS = ("model", "flip_test", "precision", "person")


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """Options for extracting pose tracks from videos for a recognizer.

    Attributes:
        estimator: pose estimator; None = the one that the training clips were extracted with.
        checkpoint: path of MMPose's weights; None = the published weights.
        detector_checkpoint: path of the weights of MMPose's person detector; None = the published weights.
        any_estimator: whether to accept another pose estimator than the one used in training.
        workers: number of processes; None = one for each CPU core.
        console: console on which the choice of the estimator is printed.
    """

    estimator: EstimatorName | None = None
    checkpoint: str | None = None
    detector_checkpoint: str | None = None
    any_estimator: bool = False
    workers: int | None = None
    console: Console = field(default_factory=lambda: Console(quiet=True))


def mmpose_options_like(identity: EstimatorIdentity, options: VideoOptions) -> MMPoseOptions:
    """Return MMPose options with the model and settings of an estimator's identity.

    Args:
        identity: identity of the pose estimator that the training clips were extracted with.
        options: options of the extraction, with the paths of the weights.
    """
    known = {name: identity.settings[name] for name in _MMPOSE_SETTINGS if name in identity.settings}
    return MMPoseOptions(
        **known,  # type: ignore[arg-type]
        checkpoint=options.checkpoint,
        detector_checkpoint=options.detector_checkpoint,
    )


@contextmanager
def extracted_videos(
    inputs: Sequence[str], checkpoint: Path, header: CheckpointHeader, options: VideoOptions
) -> Iterator[tuple[PoseShards | None, list[Problem]]]:
    """Extract pose tracks from videos to a temporary file, which is removed after the `with` block.

    Args:
        inputs: paths of videos and folders of videos.
        checkpoint: checkpoint of the recognizer, for messages.
        header: header of this checkpoint, with estimator and sampling of the training clips.
        options: options of the extraction.

    Yields:
        the tracks, or None if no clip could be extracted; and the problems of the extraction.

    Raises:
        DataError: if the pose estimator cannot be used, or differs from the one used in training and
            `any_estimator` is False.
    """
    known = {name: name for name in ESTIMATORS}.get(header.estimator.name)  # type: ignore[call-overload]
    if options.estimator is None and known is None and not options.any_estimator:
        raise DataError(
            f"the run was trained on keypoints of {header.estimator.name!r}, which masa cannot extract",
            "Give a file of pose tracks, or {estimator} with {any_estimator}",
            estimator="mediapipe",
            any_estimator=True,
        )
    asked = WhatToExtract(
        inputs=tuple(inputs),
        rename=True,
        estimator=options.estimator or known,
        mmpose=mmpose_options_like(header.estimator, options),
        sampling=header.sampling,
    )
    plan = plan_extraction(asked, options.console)
    if not options.any_estimator:  # fail before the extraction, not after it
        check_estimator(checkpoint, header.estimator, plan.provenance.estimator, "any_estimator")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tracks.h5"
        done = run_extraction(plan, Output(out, workers=options.workers))
        if not done.is_written:
            yield None, list(done.problems)
            return
        with PoseShards.open(out) as tracks:
            yield tracks, list(done.problems)

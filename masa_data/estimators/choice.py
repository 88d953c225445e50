"""The choice of estimator and device, with its reason. The choice is always shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Console

from masa_data.errors import DataError, NotInstalledError
from masa_data.estimators.base import INSTALL_MEDIAPIPE, Estimator
from masa_data.estimators.mediapipe import mediapipe_identity
from masa_data.estimators.mmpose.options import (
    MMPoseOptions,
    check_installed,
    checkpoint_of,
    detector_checkpoint_of,
    mmpose_identity,
    settle_person,
)
from masa_data.machine.cores import available_cores
from masa_data.machine.extras import is_installed
from masa_data.tracks.provenance import EstimatorIdentity

Device = Literal["auto", "cpu", "cuda"]
EstimatorName = Literal["mmpose", "mediapipe"]
ESTIMATORS: Final[tuple[EstimatorName, ...]] = ("mmpose", "mediapipe")


@dataclass(frozen=True, slots=True)
class EstimatorChoice:
    """The chosen estimator.

    Attributes:
        name: one of ESTIMATORS.
        device: "cpu" or "cuda".
        reason: reason of the choice in a few words, for the user.
        mmpose: options of MMPose; ignored for other estimators.
        person: how the signer is located, in a line for the user, if that was left to "auto".
    """

    name: EstimatorName
    device: str
    reason: str
    mmpose: MMPoseOptions = MMPoseOptions()  # noqa: RUF009  # the class is frozen
    person: str = ""


def choose_estimator(name: EstimatorName | None, device: Device, mmpose: MMPoseOptions) -> EstimatorChoice:
    """Choose the estimator: MMPose, as in the paper, if it is installed; else MediaPipe.

    Args:
        name: the user's choice; None = the best that is installed.
        device: the user's choice; "auto" = a GPU if the estimator can use one.
        mmpose: the user's options of MMPose.

    Raises:
        DataError: if it is not installed, or cannot run on the device.
    """
    if name == "mmpose" or (name is None and is_installed("mmpose")):
        check_installed()
        lacking = "" if device == "cpu" else _why_no_gpu()  # asking takes seconds: it loads torch
        if device == "cuda" and lacking:
            raise DataError(f"{{device}}: {lacking}", "Run masa-doctor, or leave it out", device="cuda")
        where = device if device != "auto" else ("cpu" if lacking else "cuda")
        reason = "as asked for" if name else "it is installed"
        if device == "auto" and lacking:
            reason += f"; {lacking}"
        return EstimatorChoice("mmpose", where, reason, *settle_person(mmpose))
    if not is_installed("mediapipe"):
        raise NotInstalledError("MediaPipe is not installed", f"Run {INSTALL_MEDIAPIPE}")
    if device == "cuda":
        raise DataError("MediaPipe's Holistic model runs on the CPU only", "Leave out {device}", device=...)
    if mmpose != MMPoseOptions():
        raise DataError(
            "model, checkpoint, batch size, flip test, precision, person and the detector's checkpoint are "
            "options of MMPose, but MediaPipe would be used",
            "Leave them out, or run make install-mmpose and give {estimator}",
            estimator="mmpose",
        )
    return EstimatorChoice("mediapipe", "cpu", "as asked for" if name else "MMPose is not installed")


def identify(choice: EstimatorChoice, console: Console) -> EstimatorIdentity:
    """Return the identity of the estimator for the file; its weights are downloaded first if necessary.

    Raises:
        DataError: if it is incompletely installed, or its weights cannot be downloaded.
    """
    if choice.name == "mediapipe":
        return mediapipe_identity()
    checkpoint_of(choice.mmpose, console)
    if choice.mmpose.detects:
        detector_checkpoint_of(choice.mmpose, console)
    return mmpose_identity(choice.mmpose)


def load_estimator(choice: EstimatorChoice, workers: int) -> Estimator:
    """Load the chosen estimator's model in the process that uses it.

    Args:
        choice: the chosen estimator.
        workers: number of processes that share the machine's cores.

    Raises:
        DataError: if it is incompletely installed.
    """
    if choice.name == "mediapipe":
        from masa_data.estimators.mediapipe import MediaPipeHolistic

        return MediaPipeHolistic()
    from masa_data.estimators.mmpose.estimator import MMPoseTopDown, share_cores

    share_cores(workers)
    return MMPoseTopDown(choice.mmpose, choice.device)


def default_workers(choice: EstimatorChoice) -> int:
    """Return the default number of processes: one per core, or one in total for a GPU."""
    return 1 if choice.device == "cuda" else available_cores()


def _why_no_gpu() -> str:
    from masa_data.estimators.mmpose.estimator import why_no_gpu

    return why_no_gpu()

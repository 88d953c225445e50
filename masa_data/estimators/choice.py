"""Which estimator runs, where, and why that one. The choice is never silent."""

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
    """Which estimator runs.

    Attributes:
        name: one of ESTIMATORS.
        device: "cpu" or "cuda".
        reason: why this one, in a few words, for the user.
        mmpose: what was chosen of MMPose; of no meaning for another estimator.
        person: where the signer is looked for, in a line for the user, if that was left to "auto".
    """

    name: EstimatorName
    device: str
    reason: str
    mmpose: MMPoseOptions = MMPoseOptions()  # noqa: RUF009  # it is frozen
    person: str = ""


def choose_estimator(name: EstimatorName | None, device: Device, mmpose: MMPoseOptions) -> EstimatorChoice:
    """Settle which estimator to use: MMPose where it is installed, as in the paper, else MediaPipe.

    Args:
        name: the user's choice, or None for the best that is installed.
        device: the user's choice; "auto" takes a GPU where the estimator can use one.
        mmpose: what the user chose of MMPose.

    Raises:
        DataError: if it is not installed, or cannot run on the device.
    """
    if name == "mmpose" or (name is None and is_installed("mmpose")):
        check_installed()
        lacking = _why_no_gpu()
        if device == "cuda" and lacking:
            raise DataError(f"{{device}}: {lacking}", "Look with masa-doctor, or leave it out", device="cuda")
        where = device if device != "auto" else ("cpu" if lacking else "cuda")
        reason = "as asked for" if name else "it is installed"
        if device == "auto" and lacking:
            reason += f"; {lacking}"
        return EstimatorChoice("mmpose", where, reason, *settle_person(mmpose))
    if not is_installed("mediapipe"):
        raise NotInstalledError("MediaPipe is not installed", f"Run {INSTALL_MEDIAPIPE}")
    if device == "cuda":
        raise DataError("MediaPipe's Holistic model runs on the CPU only", "Leave {device} out", device=...)
    if mmpose != MMPoseOptions():
        raise DataError(
            "model, checkpoint, batch size, flip test, precision, person and the detector's checkpoint are "
            "MMPose's, and MediaPipe would run",
            "Leave them out, or run make install-mmpose and give {estimator}",
            estimator="mmpose",
        )
    return EstimatorChoice("mediapipe", "cpu", "as asked for" if name else "MMPose is not installed")


def identify(choice: EstimatorChoice, console: Console) -> EstimatorIdentity:
    """What is recorded of the estimator in every file; its weights are downloaded first if need be.

    Raises:
        DataError: if it is incompletely installed, or its weights cannot be had.
    """
    if choice.name == "mediapipe":
        return mediapipe_identity()
    checkpoint_of(choice.mmpose, console)
    if choice.mmpose.detects:
        detector_checkpoint_of(choice.mmpose, console)
    return mmpose_identity(choice.mmpose)


def load_estimator(choice: EstimatorChoice, workers: int) -> Estimator:
    """Load the chosen estimator's model, in the process that will use it.

    Args:
        choice: which.
        workers: how many processes share the machine's cores.

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
    """As many processes as keep the machine busy: one a core, but one in all for a GPU."""
    return 1 if choice.device == "cuda" else available_cores()


def _why_no_gpu() -> str:
    from masa_data.estimators.mmpose.estimator import why_no_gpu

    return why_no_gpu()

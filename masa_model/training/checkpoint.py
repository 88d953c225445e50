"""Checkpoints: one safetensors file with everything that is needed to use it; it cannot run code.

The file contains the tensors of the model and, for resuming, of the optimizer; everything else is JSON in the
header. Checksums detect changed files, but not who wrote a file, so all content is also validated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import safetensors
import safetensors.torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from masa_data.errors import DataError
from masa_data.texts import counted
from masa_data.tracks.provenance import EstimatorIdentity, Sampling
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.version import VERSION
from masa_model.training.checkpoint_checks import (
    changed,
    crc32_of,
    crc32_of_text,
    first_fault,
    unreadable,
)

FORMAT: Final = "masa-checkpoint"
FORMAT_VERSION: Final = 3
# Version 1 has no temperature, and its batch normalization statistics are not calibrated; only version 3 has
# checksums.
_READABLE: Final = (1, 2, 3)
_FIRST_WITH_CHECKSUMS: Final = 3
# Names in the file: of the header, and the beginnings of the names of tensors.
HEADER: Final = "masa"
# The end of the header: the checksum of the rest of the header, and the checksum of all tensors. They are not
# a separate metadata entry, because safetensors does not keep the order of entries, and the same run should
# always write the same bytes.
_CHECKSUMS: Final = re.compile(r',"crc32":"([0-9a-f]{8}) ([0-9a-f]{8})"}$')
OPTIMIZER: Final = "optimiser."
MODEL: Final = "model."
PROGRESS: Final = "progress."
RUNNING: Final = "statistics."
Steps = Annotated[int, Field(ge=0, le=10**12)]

# Names in `progress`: (n, 2) content keys of the clips that were used in fine-tuning or pre-training
# (training/content.py).
TRAINED_ON: Final = "trained_on"
PRETRAINED_ON: Final = "pretrained_on"


class CheckpointHeader(BaseModel):
    """The header of a checkpoint.

    Attributes:
        format: name of the file format, FORMAT.
        version: version of the file format.
        kind: kind of checkpoint: "pretraining" or "recogniser".
        tool_version: release of masa that wrote the checkpoint.
        step: number of optimizer steps made so far.
        steps: number of steps of the whole run.
        settings: all settings of the run.
        skeleton: names of the keypoints, in order.
        estimator: pose estimator that the clips were extracted with.
        sampling: which frames of a video the clips contain.
        fingerprints: fingerprints of the data files.
        labels: gloss of each class, for a recognizer.
        classes: corpus and label of each class, in the same order.
        temperature: number by which a recognizer's scores are divided before they become probabilities;
            fitted on val.
        metrics: last measurements of the run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = FORMAT
    version: int = FORMAT_VERSION
    kind: str
    tool_version: str = VERSION
    step: Steps
    steps: Steps
    settings: dict[str, Any]
    skeleton: tuple[str, ...] = KEYPOINT_NAMES
    estimator: EstimatorIdentity
    sampling: Sampling = Sampling()
    fingerprints: tuple[str, ...]
    labels: tuple[str, ...] = ()
    classes: tuple[tuple[str, int], ...] = ()
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    metrics: dict[str, float] = {}

    @model_validator(mode="after")
    def _goes_together(self) -> CheckpointHeader:
        if self.step > self.steps:
            raise ValueError(f"{self.step:,} of {counted(self.steps, 'step')} are complete")
        if len(self.labels) != len(self.classes):
            raise ValueError(
                f"{counted(len(self.labels), 'label')} for {counted(len(self.classes), 'class', 'classes')}"
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class is listed twice")
        return self


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        path: path of the file.
        header: header of the checkpoint.
        model: state dict of the model.
        optimizer: tensors of the optimizer, by "number.name"; empty if the optimizer was not saved.
        progress: other tensors of the run: sums over the current epoch, the running statistics for resuming
            training, and content keys of the clips used in training and in earlier pre-training.
    """

    path: Path
    header: CheckpointHeader
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    progress: dict[str, Tensor]

    @property
    def running_statistics(self) -> dict[str, Tensor]:
        """Running statistics for resuming training; those in `model` are calibrated. Empty in version 1."""
        return {
            name.removeprefix(RUNNING): value
            for name, value in self.progress.items()
            if name.startswith(RUNNING)
        }


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: path of the file.

    Returns:
        the checkpoint, with its tensors on the CPU.

    Raises:
        DataError: if the file is missing or damaged, is not a MASA checkpoint, or has another version or
            skeleton.
    """
    header = read_header(path)
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            checksums = _CHECKSUMS.search((file.metadata() or {}).get(HEADER, ""))
        expected = checksums[2] if checksums else ""
        if header.version >= _FIRST_WITH_CHECKSUMS and f"{crc32_of(tensors):08x}" != expected:
            raise changed(path)
    except (safetensors.SafetensorError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise unreadable(path, str(error)) from None

    def of(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
        }

    return Checkpoint(path, header, of(MODEL), of(OPTIMIZER), of(PROGRESS))


def read_progress(path: Path, name: str) -> Tensor | None:
    """Read one tensor of `progress`, without the others.

    Args:
        path: path of the checkpoint.
        name: name of the tensor.

    Returns:
        the tensor; None if the checkpoint has no tensor of this name.

    Raises:
        DataError: if the checkpoint cannot be read, as for load_checkpoint.
    """
    read_header(path)
    with safetensors.safe_open(path, "pt") as file:
        name = PROGRESS + name
        return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118  # not a mapping


def require_kind(path: Path, header: CheckpointHeader, kind: Literal["pretraining", "recogniser"]) -> None:
    """Check that a checkpoint is of the required kind.

    Args:
        path: path of the checkpoint, for the message.
        header: header of the checkpoint.
        kind: required kind.

    Raises:
        DataError: if the checkpoint is of another kind.
    """
    if header.kind != kind:
        command = {"pretraining": "masa-pretrain", "recogniser": "masa-finetune"}[kind]
        raise DataError(f"{path} is of kind {header.kind}, expected {kind}", f"Give a run of {command}")


def read_header(path: Path) -> CheckpointHeader:
    """Read the header of a checkpoint, without its tensors.

    Args:
        path: path of the file.

    Returns:
        the header.

    Raises:
        DataError: if the checkpoint cannot be read, as for load_checkpoint.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist, expected a checkpoint", "Check the path")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        text = metadata.get(HEADER)
        if text is None:
            raise DataError(
                f"{path} is not a checkpoint of masa", "Give a file of a run's checkpoints/ folder"
            )
        checksums = _CHECKSUMS.search(text)
        if checksums:
            text = text[: checksums.start()] + "}"
        values = json.loads(text)
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise DataError(
                f"{path} is not a checkpoint of masa", "Give a file of a run's checkpoints/ folder"
            )
        if type(values.get("version")) is not int or values["version"] not in _READABLE:
            raise DataError(
                f"{path} is a checkpoint of version {values.get('version')!r}, "
                f"expected at most {FORMAT_VERSION}",
                "Use the release of masa that wrote it",
            )
        header = CheckpointHeader.model_validate(values)
    except ValidationError as error:
        raise unreadable(path, first_fault(error)) from None
    except (safetensors.SafetensorError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise unreadable(path, str(error)) from None
    expected = checksums[1] if checksums else ""
    if header.version >= _FIRST_WITH_CHECKSUMS and f"{crc32_of_text(text):08x}" != expected:
        raise changed(path)
    if header.skeleton != KEYPOINT_NAMES:
        raise DataError(f"{path} was trained on another skeleton", "Use the release of masa that wrote it")
    return header

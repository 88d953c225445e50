"""What is in a shard file: names, types, version, provenance, and the checks that opening makes.

docs/shard-format.md describes the same for people, with the history of versions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import h5py
import numpy as np
from numpy.typing import DTypeLike
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, model_validator

from masa_data.errors import DataError
from masa_data.shards.raw_scores import without_note
from masa_data.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS

FORMAT_NAME: Final = "masa-pose-shards"
FORMAT_VERSION: Final = 1

STRING: Final = "utf-8"  # stands for HDF5's variable-length UTF-8 string in the tables below


class Column(NamedTuple):
    """One dataset of a file: its path, its element type, and the shape of one row."""

    path: str
    dtype: DTypeLike
    row_shape: tuple[int, ...] = ()


# One row per kept frame: 196 + 49 + 4 + 4 = 253 bytes, and 8 for the box. Contiguous
# and unfiltered, so that a reader can map them.
FRAME_COLUMNS: Final = {
    "positions": Column("frames/positions", "<u2", (NUM_KEYPOINTS, 2)),
    "confidence": Column("frames/confidence", "u1", (NUM_KEYPOINTS,)),
    "frame_index": Column("frames/frame_index", "<i4"),
    "time": Column("frames/time", "<f4"),
    "box": Column("frames/box", "<u2", (4,)),
}

# One row per clip. The names are ClipInfo's, then what only the file knows.
CLIP_COLUMNS: Final = {
    "id": Column("clips/id", STRING),
    "path": Column("clips/path", STRING),
    "corpus": Column("clips/corpus", STRING),
    "gloss": Column("clips/gloss", STRING),
    "label": Column("clips/label", "<i4"),
    "split": Column("clips/split", STRING),
    "signer": Column("clips/signer", STRING),
    "fps": Column("clips/fps", "<f8"),
    "width": Column("clips/width", "<i4"),
    "height": Column("clips/height", "<i4"),
    "start": Column("clips/start", "<i8"),
    "end": Column("clips/end", "<i8"),
    "source_sha256": Column("clips/source_sha256", STRING),
    "several_people": Column("clips/several_people", "u1"),
    "clamped": Column("clips/clamped", "<i4"),  # keypoints too far outside the frame to be stored
    "crc32": Column("clips/crc32", "<u4"),  # of the clip's rows of the frame columns, in the order above
}
OFFSETS: Final = Column("clips/offset", "<i8")  # clips + 1 rows: clip i is frames offset[i]:offset[i + 1]

# An index lists its shards; it has no frames or clips of its own.
SHARD_COLUMNS: Final = {
    "name": Column("shards/name", STRING),
    "bytes": Column("shards/bytes", "<i8"),
    "sha256": Column("shards/sha256", STRING),
    "clips": Column("shards/clips", "<i8"),
}


class EstimatorIdentity(BaseModel):
    """Which estimator made the keypoints; two files go together only if `differences` finds none.

    Attributes:
        name: "mediapipe", "mmpose", …
        version: the version of the estimator's library.
        settings: every setting that changes what it finds.
        weights_sha256: SHA-256 over its weights.
        confidence: what its confidence means, in a sentence.
        declared: whether somebody said so of keypoints that were imported, rather than the estimator of
            itself. Then version, settings and weights are what is known, not what was measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    settings: dict[str, str | int | float | bool | None]
    weights_sha256: str
    confidence: str
    declared: bool = False

    def differences(self, other: EstimatorIdentity) -> list[str]:
        """What keeps keypoints of two estimators apart, as lines "what: ours / theirs"; none = they fit.

        Of two that are measured everything is compared: another version, setting or weight finds other
        keypoints. Where one is declared only the names are: nobody measured the rest, and to refuse what
        somebody vouched for would leave imported keypoints without any use beside extracted ones.
        """
        mine, theirs = self.model_dump(exclude={"declared"}), other.model_dump(exclude={"declared"})
        compared = ["name"] if self.declared or other.declared else list(mine)
        return [f"{key}: {mine[key]} / {theirs[key]}" for key in compared if mine[key] != theirs[key]]


class Sampling(BaseModel):
    """Which frames of a clip are kept.

    Attributes:
        every: every so manyth frame.
        max_fps: at most so many frames per second of the source's clock; None = no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: int = 1
    max_fps: float | None = None


class SplitRule(BaseModel):
    """How clips without a split were given one.

    Attributes:
        by: "random" deals clips gloss by gloss; "signer" deals whole signers.
        seed: of the deal.
        shares: of train, val and test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["random", "signer"]
    seed: int
    shares: tuple[float, float, float] = (0.7, 0.1, 0.2)


class Provenance(BaseModel):
    """How a file came about: the same for every clip in it.

    Attributes:
        estimator: what found the keypoints.
        sampling: which frames were kept.
        split_rule: how splits were made; None if the clips came with theirs or have none.
        notes: what else is worth knowing and keeps no files apart: what was assumed, what was found.
        raw_scores: the lowest and the highest score before they were brought to 0..1; None if not known.
            Keeps no files apart.
        tool_version: version of this package that wrote the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: EstimatorIdentity
    sampling: Sampling = Sampling()
    split_rule: SplitRule | None = None
    notes: dict[str, str] = {}
    raw_scores: tuple[FiniteFloat, FiniteFloat] | None = None
    tool_version: str

    @model_validator(mode="after")
    def _take_raw_scores_out_of_the_notes(self) -> Provenance:
        """Files told them in a note once; it is read and becomes the field."""
        notes, noted = without_note(self.notes)
        if notes is not self.notes:
            object.__setattr__(self, "notes", notes)  # the model is frozen for everybody else
            object.__setattr__(self, "raw_scores", self.raw_scores or noted)
        return self

    def differences(self, other: Provenance) -> list[str]:
        """What keeps two files' tracks from standing in one dataset, as lines "what: ours / theirs"."""
        lines = [f"estimator {line}" for line in self.estimator.differences(other.estimator)]
        mine, theirs = self.sampling.model_dump(), other.sampling.model_dump()
        return lines + [
            f"sampling {key}: {mine[key]} / {theirs[key]}" for key in mine if mine[key] != theirs[key]
        ]


def write_header(file: h5py.File, kind: Literal["shard", "index"], provenance: Provenance) -> None:
    """Write the attributes that every file of the format carries."""
    file.attrs["format"] = FORMAT_NAME
    file.attrs["version"] = FORMAT_VERSION
    file.attrs["kind"] = kind
    file.attrs["provenance"] = provenance.model_dump_json()
    file.attrs["keypoint_names"] = json.dumps(KEYPOINT_NAMES)


def read_header(file: h5py.File, path: Path) -> tuple[str, Provenance]:
    """Check the attributes of an open file.

    Returns:
        its kind ("shard" or "index") and its provenance.

    Raises:
        DataError: if it is not ours, of another version, or of another skeleton.
    """
    attributes: dict[str, Any] = dict(file.attrs)
    if attributes.get("format") != FORMAT_NAME:
        raise DataError(
            f"{path} is an HDF5 file, but not one of pose shards (its attribute 'format' is "
            f"{attributes.get('format')!r}, expected {FORMAT_NAME!r})",
            "Give a file that masa-extract wrote",
        )
    version = attributes.get("version")
    if not isinstance(version, (int, np.integer)) or version != FORMAT_VERSION:
        is_newer = isinstance(version, (int, np.integer)) and version > FORMAT_VERSION
        raise DataError(
            f"{path} is of format version {version!s:.20}, this installation reads version {FORMAT_VERSION}",
            "Run `pip install --upgrade masa-slr`, or extract the videos again with this version"
            if is_newer
            else "No release wrote such a version: the file is damaged; get or make it again",
        )
    if attributes.get("keypoint_names") != json.dumps(KEYPOINT_NAMES):
        raise DataError(
            f"{path} holds another skeleton than the {NUM_KEYPOINTS} keypoints in {FORMAT_NAME} version 1",
            "Extract the videos again with this version",
        )
    kind = attributes.get("kind")
    if kind not in ("shard", "index"):
        raise DataError(f"{path} is of kind {kind!r}, expected shard or index", "The file is damaged")
    try:
        provenance = Provenance.model_validate_json(attributes.get("provenance", ""))
    except (ValidationError, TypeError) as error:
        raise DataError(
            f"{path}: its attribute 'provenance' cannot be read "
            f"({error.errors()[0]['msg'] if isinstance(error, ValidationError) else error})",
            "The file is damaged; restore it or extract the videos again",
        ) from None
    return kind, provenance


def checked_dataset(file: h5py.File, path: Path, column: Column, rows: int | None) -> h5py.Dataset:
    """Find a dataset and check that it is plainly in this file, of the expected type and shape.

    Args:
        file: open file.
        path: its path, for messages.
        column: what is expected.
        rows: the number of rows expected, or None for any.

    Raises:
        DataError: if it is missing, linked or stored elsewhere, or of another type or shape.
    """
    damaged = "The file is damaged or was not written by masa; extract the videos again"
    group_name, name = column.path.split("/")
    for parent, key in ((file, group_name), (file.get(group_name), name)):
        # Soft and external links could lead out of the file.
        if parent is None or not isinstance(parent.get(key, getlink=True), h5py.HardLink):
            raise DataError(f"{path} lacks {column.path}", damaged)
    dataset = file[column.path]
    if not isinstance(dataset, h5py.Dataset):
        raise DataError(f"{path}: {column.path} is not a dataset", damaged)
    expected = h5py.string_dtype() if column.dtype == STRING else np.dtype(column.dtype)
    shape = (dataset.shape[0] if rows is None and dataset.shape else rows, *column.row_shape)
    if dataset.dtype != expected or dataset.shape != shape:
        raise DataError(
            f"{path}: {column.path} is {dataset.dtype} {dataset.shape}, expected {expected} {shape}", damaged
        )
    layout = dataset.id.get_create_plist()
    if layout.get_layout() != h5py.h5d.CONTIGUOUS or layout.get_external_count() > 0:
        raise DataError(f"{path}: {column.path} is not stored in one piece in this file", damaged)
    return dataset

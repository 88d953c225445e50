"""PoseTrack: the keypoints of one clip, with what is known about the clip. Shapes and ranges are enforced."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.texts import one_form
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.skeleton import NUM_KEYPOINTS

SPLITS: Final = ("train", "val", "test")
NO_LABEL: Final = -1
MAX_TEXT: Final = 4096  # characters; all texts of a column take as much room as the longest

# A text ends for HDF5 at a NUL; lone surrogates stand for bytes of file names that are not UTF-8.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

# Texts that tell clips' classes and signers apart. Ids and paths are kept as they are on disk.
NAMES: Final = ("corpus", "gloss", "signer")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What is known about one clip, apart from its keypoints.

    Attributes:
        id: unique within a dataset; for files, the path below the input folder without its ending.
        path: the source as the user gave it.
        corpus: name of the corpus ("folder" and "csv" for anybody's own videos).
        gloss: text of the sign; "" if unknown. What a class is, `masa_data.classes.classes` says.
        label: class number; -1 if unknown. Where the corpus has no official numbers, it holds within one
            dataset only.
        split: "train", "val", "test", or "" if the clip belongs to none.
        signer: who signs; "" if unknown.
        fps: frames per second of the source; NaN if unknown (folders of images).
        width: width of the source frames in square pixels, after rotation.
        height: height of the source frames in square pixels, after rotation.
        start: first source frame of the clip, counted from 0.
        end: one past the last source frame of the clip.
        source_sha256: SHA-256 of the source's bytes, in hex; "" if unknown.
        several_people: whether more people than the signer were seen.
    """

    id: str
    path: str
    corpus: str = ""
    gloss: str = ""
    label: int = NO_LABEL
    split: str = ""
    signer: str = ""
    fps: float = float("nan")
    width: int = 0
    height: int = 0
    start: int = 0
    end: int = 0
    source_sha256: str = ""
    several_people: bool = False

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, one_form(getattr(self, name)))
        if not self.id:
            raise DataError("a clip has an empty id", "Give every clip a name")
        for text in (self.id, self.path, self.corpus, self.gloss, self.signer):
            if len(text) > MAX_TEXT:
                raise DataError(
                    f"clip {self.id!r:.60} has a text of {len(text):,} characters",
                    f"Shorten it to at most {MAX_TEXT:,}",
                )
            if unstorable := _UNSTORABLE.search(text):
                is_nul = unstorable[0] == "\0"
                what = "a NUL character" if is_nul else "bytes that are not UTF-8"
                raise DataError(
                    f"clip {self.id!r} has {what} in a text",
                    "Remove it: HDF5 texts end there"
                    if is_nul
                    else "Rename the file or folder it comes from",
                )
        if self.split not in ("", *SPLITS):
            raise DataError(
                f"clip {self.id!r} has split {self.split!r}, expected one of {', '.join(SPLITS)} or none",
                "Correct the split",
            )
        if self.width < 1 or self.height < 1:
            raise DataError(
                f"clip {self.id!r} has frames of {self.width}×{self.height} pixels, expected at least 1×1",
                "Give the size of the source's frames",
            )
        if not 0 <= self.start <= self.end:
            raise DataError(
                f"clip {self.id!r} spans source frames {self.start} to {self.end}, expected 0 ≤ start ≤ end",
                "Correct the frame range",
            )


INFO_FIELDS: Final = tuple(field.name for field in fields(ClipInfo))


@dataclass(frozen=True, slots=True)
class PoseTrack:
    """The 49 keypoints of one clip over its T kept frames.

    A keypoint with confidence 0 is missing, and its position is NaN: a missing joint is never a coordinate.

    Attributes:
        info: what is known about the clip.
        keypoints: (T, 49, 2) float32, x right and y down in source pixels; NaN where missing.
        confidence: (T, 49) float32 in 0..1; 0 = missing.
        frame_index: (T,) int32, which source frames were kept, counted from 0, increasing.
        time: (T,) float32, when each kept frame is shown, in seconds from the start of the source; NaN if
            the source has no clock (folders of images).
        box: (T, 4) float32, where the signer was looked for: left, top, right, bottom in source pixels; NaN
            if that is not known.
        estimator: what the keypoints are of; None = not known, as of a track made by hand.

    Raises:
        DataError: on construction, if a shape, type or range is not as above.
    """

    info: ClipInfo
    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    frame_index: NDArray[np.int32]
    time: NDArray[np.float32]
    box: NDArray[np.float32]
    estimator: EstimatorIdentity | None = None

    def __post_init__(self) -> None:
        frames = len(self.frame_index)
        for name, dtype, shape in (
            ("keypoints", np.float32, (frames, NUM_KEYPOINTS, 2)),
            ("confidence", np.float32, (frames, NUM_KEYPOINTS)),
            ("frame_index", np.int32, (frames,)),
            ("time", np.float32, (frames,)),
            ("box", np.float32, (frames, 4)),
        ):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise DataError(
                    f"clip {self.info.id!r}: {name} is {array.dtype} {array.shape}, "
                    f"expected {np.dtype(dtype)} {shape}",
                    "Convert it before making a PoseTrack",
                )
        if frames == 0:
            raise DataError(f"clip {self.info.id!r} has no frames", "Leave such clips out")
        if not (self.confidence.min() >= 0 and self.confidence.max() <= 1):  # NaN fails both
            raise DataError(
                f"clip {self.info.id!r}: confidence spans {self.confidence.min():g} to "
                f"{self.confidence.max():g}, expected 0 to 1",
                "Map the estimator's score to 0..1 first",
            )
        if not np.array_equal(_finite(self.keypoints), self.confidence > 0):
            raise DataError(
                f"clip {self.info.id!r}: a keypoint must be finite where its confidence is above 0, "
                "and NaN where it is 0",
                "Use PoseTrack.with_missing to set missing keypoints to NaN",
            )
        if self.frame_index[0] < 0 or not (self.frame_index[1:] > self.frame_index[:-1]).all():
            raise DataError(
                f"clip {self.info.id!r}: frame_index does not increase from 0 or more",
                "Give the kept frames in the order of the source",
            )

    @classmethod
    def with_missing(
        cls,
        info: ClipInfo,
        keypoints: NDArray[np.floating],
        confidence: NDArray[np.floating],
        frame_index: NDArray[np.integer],
        time: NDArray[np.floating],
        box: NDArray[np.floating] | None = None,
    ) -> PoseTrack:
        """Make a track from an estimator's arrays of any float type.

        A keypoint without a finite position gets confidence 0, and one with confidence 0 gets position NaN.

        Args:
            info: what is known about the clip.
            keypoints: (T, 49, 2) source pixels.
            confidence: (T, 49) in 0..1.
            frame_index: (T,) kept source frames.
            time: (T,) seconds.
            box: (T, 4) source pixels; None = not known.

        Raises:
            DataError: if shapes or ranges are wrong.
        """
        finite = _finite(keypoints)
        known = finite & (confidence > 0)
        return cls(
            info,
            np.where(known[..., None], keypoints, np.nan).astype(np.float32),
            np.where(finite, confidence, 0).astype(np.float32),
            frame_index.astype(np.int32),
            time.astype(np.float32),
            np.full((len(frame_index), 4), np.nan, np.float32) if box is None else box.astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.frame_index)


def _finite(keypoints: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(…, 2) positions to (…): whether both coordinates are finite. Faster than all(axis=-1)."""
    finite = np.isfinite(keypoints)
    return np.asarray(finite[..., 0] & finite[..., 1])

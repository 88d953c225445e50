"""ClipInfo: the properties of a clip, apart from its keypoints. Values that cannot be stored are refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final

from masa_data.errors import DataError
from masa_data.texts import one_form

SPLITS: Final = ("train", "val", "test")
NO_LABEL: Final = -1
MAX_TEXT: Final = 4096  # characters; all texts of a column take as much space as the longest

# In HDF5, a text ends at a NUL; lone surrogates stand for bytes of file names that are not UTF-8.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

# Texts that identify classes and signers. Ids and paths are stored unchanged.
NAMES: Final = ("corpus", "gloss", "signer")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """The properties of one clip, apart from its keypoints.

    Attributes:
        id: id, unique within a dataset; for files, the path below the input folder without file extension.
        path: path of the source as the user gave it.
        corpus: name of the corpus ("folder" and "csv" for videos without a corpus).
        gloss: text of the sign; "" = unknown. For the identity of a class, see `masa_data.classes.classes`.
        label: class number; -1 = unknown. If the corpus has no official numbers, it is valid within one
            dataset only.
        split: "train", "val", "test", or "" = none.
        signer: name of the signer; "" = unknown.
        fps: frames per second of the source; NaN = unknown (folders of images).
        width: width of the source frames in square pixels, after rotation.
        height: height of the source frames in square pixels, after rotation.
        start: first source frame of the clip, counted from 0.
        end: one past the last source frame of the clip.
        source_sha256: SHA-256 of the source's bytes, in hex; "" = unknown.
        several_people: whether more people than the signer were found.
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
            raise DataError("a clip has an empty id", "Give every clip an id")
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
                    "Remove it: HDF5 texts end at this character"
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

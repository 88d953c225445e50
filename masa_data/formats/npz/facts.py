"""Properties of clips in npz files that masa exported, in addition to the columns of other such files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from masa_data.errors import DataError
from masa_data.formats.clip_facts import TEXT_FIELDS, read_facts
from masa_data.formats.npz.columns import NpzColumns
from masa_data.tracks.track import INFO_FIELDS, ClipInfo

# Only exported files have this column; they have all fields of ClipInfo.
CLASS_NUMBER: Final = "class_number"

_EXPORT_AGAIN: Final = "Export the file again"


@dataclass(frozen=True, slots=True)
class ExportedFacts:
    """All properties of the clips.

    Attributes:
        columns: for each field of ClipInfo, one value per clip.
        frame_index: (F,) number of each frame in its source.
    """

    columns: dict[str, list[Any]]
    frame_index: NDArray[np.int64]

    @classmethod
    def read(cls, file: NpzColumns, clips: int, frames: int) -> Self:
        """Read the columns of a file.

        Args:
            file: the arrays of the file.
            clips: number of clips.
            frames: number of frames of all clips together.

        Raises:
            DataError: if a column is missing, or does not have one value per clip.
        """
        columns: dict[str, list[Any]] = {name: file.texts(name, clips) for name in TEXT_FIELDS}
        for name in INFO_FIELDS:
            if name not in TEXT_FIELDS:
                stored = CLASS_NUMBER if name == "label" else name
                columns[name] = _all(file.values(stored, "biuf", clips), clips, stored).tolist()
        index = _all(file.values("frame_index", "iu", frames), frames, "frame_index")
        return cls(columns, index.astype(np.int64))

    def info(self, number: int) -> ClipInfo:
        """Return the properties of a clip.

        Raises:
            DataError: if a value is out of range.
        """
        values = {name: column[number] for name, column in self.columns.items()}
        return ClipInfo(**read_facts(values, f"clip {number}", _EXPORT_AGAIN))


def _all(values: NDArray[Any], count: int, name: str) -> NDArray[Any]:
    if values.shape != (count,):
        raise DataError(f"found `{name}` of shape {values.shape}, expected ({count:,},)", _EXPORT_AGAIN)
    return values

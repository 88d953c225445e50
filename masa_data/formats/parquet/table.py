"""Tracks as a table for data frames: one row per frame; each row repeats the properties of the clip.

id, path, corpus, gloss, label, …   of the clip
frame_index, time                   of the frame
box_left … box_bottom               region in which the signer was searched, in pixels; null = unknown
nose_x, nose_y, nose_confidence, …  three columns per keypoint; x and y are null if it is missing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.machine.extras import INSTALL_EXCHANGE, load_optional
from masa_data.tracks.skeleton import KEYPOINT_NAMES
from masa_data.tracks.track import INFO_FIELDS, PoseTrack

PROVENANCE_KEY: Final = b"masa_provenance"

BOX_COLUMNS: Final = ("box_left", "box_top", "box_right", "box_bottom")
POINT_COLUMNS: Final = tuple(f"{name}_{part}" for name in KEYPOINT_NAMES for part in ("x", "y", "confidence"))
TEXT_FIELDS: Final = ("id", "path", "corpus", "gloss", "split", "signer", "source_sha256")


def load_pyarrow() -> Any:  # noqa: ANN401  # a module
    """Return pyarrow with its Parquet module.

    Raises:
        NotInstalledError: if it is not installed.
    """
    load_optional("pyarrow.parquet", "which reads and writes Parquet", INSTALL_EXCHANGE, "pyarrow")
    return load_optional("pyarrow", "", INSTALL_EXCHANGE)


def schema(pa: Any, provenance: str) -> Any:  # noqa: ANN401  # types of an optional library
    """Return the columns of the table."""
    numbers = {
        "label": pa.int32(),
        "fps": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "start": pa.int64(),
        "end": pa.int64(),
        "several_people": pa.bool_(),
    }
    text = pa.dictionary(pa.int32(), pa.string())
    columns = [(name, numbers.get(name, text)) for name in INFO_FIELDS]
    columns += [("frame_index", pa.int32()), ("time", pa.float32())]
    columns += [(name, pa.float32()) for name in (*BOX_COLUMNS, *POINT_COLUMNS)]
    return pa.schema(columns, metadata={PROVENANCE_KEY: provenance})


def table_of(pa: Any, columns: Any, tracks: Sequence[PoseTrack]) -> Any:  # noqa: ANN401
    """Return the rows of some tracks.

    Args:
        pa: pyarrow.
        columns: the schema.
        tracks: at least one track.
    """
    lengths = [len(track) for track in tracks]
    clip_of_row = np.repeat(np.arange(len(tracks), dtype=np.int32), lengths)
    arrays: list[Any] = []
    for name in INFO_FIELDS:
        values = [getattr(track.info, name) for track in tracks]
        kind = columns.field(name).type
        if name in TEXT_FIELDS:
            arrays.append(_texts(pa, values, clip_of_row))
        else:
            arrays.append(pa.array(np.array(values)[clip_of_row], kind, from_pandas=True))
    numbers = np.column_stack(
        [
            np.concatenate([track.time for track in tracks]),
            np.concatenate([track.box for track in tracks]),
            np.concatenate([_points(track) for track in tracks]),
        ]
    )
    arrays.append(pa.array(np.concatenate([track.frame_index for track in tracks])))
    arrays += [pa.array(np.ascontiguousarray(column), from_pandas=True) for column in numbers.T]
    return pa.Table.from_arrays(arrays, schema=columns)


def _texts(pa: Any, values: list[str], clip_of_row: NDArray[np.int32]) -> Any:  # noqa: ANN401
    """Return a column of texts, each stored once."""
    place = {text: number for number, text in enumerate(dict.fromkeys(values))}
    codes = np.array([place[text] for text in values], np.int32)
    return pa.DictionaryArray.from_arrays(codes[clip_of_row], pa.array(list(place), pa.string()))


def _points(track: PoseTrack) -> NDArray[np.float32]:
    """Return (T, 147) x, y, confidence of each keypoint."""
    together = np.concatenate([track.keypoints, track.confidence[..., None]], axis=2)
    return together.reshape(len(track), -1)

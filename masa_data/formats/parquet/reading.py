"""Parquet tables of tracks with one row per frame, as `parquet.writing` writes them, or of the same form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from typing_extensions import Self

from masa_data.corpora.clip import SPLIT_NAMES, Clip, Problem
from masa_data.errors import DataError
from masa_data.formats.collector import Imported, import_each
from masa_data.formats.parquet.table import (
    BOX_COLUMNS,
    POINT_COLUMNS,
    PROVENANCE_KEY,
    TEXT_FIELDS,
    load_pyarrow,
)
from masa_data.formats.reading import PIXELS, Reading
from masa_data.formats.untrusted.limits import check_frames, check_unpacked, regular_size
from masa_data.formats.wholebody import missing_where_not_finite
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import INFO_FIELDS, NO_LABEL, ClipInfo, PoseTrack
from masa_data.version import VERSION

_NEEDED: Final = ("id", "width", "height", "frame_index", *POINT_COLUMNS)
_ABSENT: Final = {"label": NO_LABEL, "fps": np.nan, "start": 0, "end": 0, "several_people": 0, "time": np.nan}
_ROWS_AT_A_TIME: Final = 16384
_MAX_TEXT: Final = 4096
_GET_AGAIN: Final = "Write it again with masa-convert export or save_parquet, or with all its columns"

_Rows = dict[str, NDArray[Any]]


class ParquetClips:
    """The clips of one file. Use as a context manager, and iterate once.

    Attributes:
        path: path of the file.
        provenance: provenance in the file; if it has none, an import from Parquet.
    """

    def __init__(self, path: Path, estimator: str | None = None) -> None:
        """Open a file and check its columns.

        Args:
            path: the file.
            estimator: declared estimator of the keypoints; None = not declared.

        Raises:
            DataError: if it is not such a file, or pyarrow is not installed.
            OSError: if it cannot be read.
        """
        self.path = path
        self._pa = load_pyarrow()
        if not path.is_file():
            raise DataError(f"{path} does not exist", "Check the path")
        try:
            stored = self._pa.parquet.read_metadata(path)
            leaves = {stored.schema.column(place).path for place in range(stored.num_columns)}
            texts = [name for name in TEXT_FIELDS if name in leaves]
            self._file = self._pa.parquet.ParquetFile(path, metadata=stored, read_dictionary=texts)
            self._names = list(self._file.schema_arrow.names)
            metadata = self._file.schema_arrow.metadata or {}
        except (self._pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"found no Parquet file ({_shown(error)})", _GET_AGAIN) from None
        missing = [name for name in _NEEDED if name not in self._names]
        if missing or len(set(self._names)) != len(self._names):
            what = f"no column {missing[0]}" if missing else "a column twice"
            raise DataError(f"found {what}, expected a row per frame, three columns per keypoint", _GET_AGAIN)
        check_unpacked(_unpacked_bytes(stored), regular_size(path), "rows")
        self.provenance = _provenance(metadata.get(PROVENANCE_KEY), estimator)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def tracks(self, corpus: str, reading: Reading = PIXELS) -> Iterator[Imported]:
        """Yield the tracks in the file's order. If the file is damaged, the last result is a problem.

        Args:
            corpus: name of the corpus for clips whose rows contain none.
            reading: how the numbers are interpreted.
        """
        try:
            for rows in self._clips():
                clip_id = str(rows["id"][0])
                clip = Clip(clip_id, self.path, str(self.path), corpus)
                yield from import_each([clip], lambda clip, rows=rows: _track(rows, clip.corpus, reading))  # type: ignore[misc]
        except (DataError, self._pa.ArrowException, OSError, ValueError, TypeError) as error:
            reason = error.reason if isinstance(error, DataError) else f"found damage ({_shown(error)})"
            yield Imported(
                None,
                (Problem("", str(self.path), "failed", reason, f"{_GET_AGAIN}; earlier clips are imported"),),
            )

    def _clips(self) -> Iterator[_Rows]:
        """Yield the rows of each clip: consecutive rows with the same id."""
        waiting: list[_Rows] = []
        columns = (*INFO_FIELDS, "frame_index", "time", *BOX_COLUMNS, *POINT_COLUMNS)
        present = [name for name in columns if name in self._names]
        for batch in self._file.iter_batches(_ROWS_AT_A_TIME, columns=present):
            if batch.num_rows == 0:
                continue
            batch.validate(full=True)  # pyarrow does not check: a row can refer to text 17 of 3
            rows = {name: self._values(batch, name) for name in present}
            ids = rows["id"]
            ends = [*(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)]
            start = 0
            for end in ends:
                part = {name: values[start:end] for name, values in rows.items()}
                if waiting and waiting[0]["id"][0] != part["id"][0]:
                    yield _joined(waiting)
                    waiting = []
                waiting.append(part)
                start = end
            check_frames(sum(len(part["id"]) for part in waiting))
        if waiting:
            yield _joined(waiting)

    def _values(self, batch: Any, name: str) -> NDArray[Any]:  # noqa: ANN401  # a batch of pyarrow's
        column = batch.column(name)
        try:
            if name in TEXT_FIELDS:
                return self._texts(column, name)
            numbers = column.cast(self._pa.float64()).to_numpy(zero_copy_only=False)
        except self._pa.ArrowException:
            expected = "texts" if name in TEXT_FIELDS else "numbers"
            raise DataError(
                f"found {column.type} in the column {name}, expected {expected}", _GET_AGAIN
            ) from None
        return np.asarray(numbers, np.float64)

    def _texts(self, column: Any, name: str) -> NDArray[Any]:  # noqa: ANN401  # an array of pyarrow's
        """Return a column of texts; equal texts share one object, so that long texts take little memory."""
        if not self._pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        known = column.dictionary.cast(self._pa.string()).to_pylist()
        too_long = max((len(text) for text in known if text), default=0)
        if too_long > _MAX_TEXT:
            raise DataError(
                f"found {too_long:,} characters in the column {name}, expected at most {_MAX_TEXT:,}",
                _GET_AGAIN,
            )
        texts = np.array(["" if text is None else text for text in [*known, None]], object)
        places: NDArray[np.integer] = column.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
        rows: NDArray[Any] = texts[places]
        return rows


def _unpacked_bytes(stored: Any) -> int:  # noqa: ANN401  # pyarrow's metadata of a file
    """Return the memory that the columns take; equal values take almost no bytes in the file."""
    # Not column by column: if the metadata of a column is damaged, pyarrow ends the whole process.
    pages = sum(stored.row_group(place).total_byte_size for place in range(stored.num_row_groups))
    return max(int(pages), int(stored.num_rows) * len(POINT_COLUMNS) * 4)


def _joined(parts: list[_Rows]) -> _Rows:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _track(rows: _Rows, corpus: str, reading: Reading) -> tuple[PoseTrack, tuple[str, ...]]:
    frames = len(rows["id"])
    points = np.column_stack([rows[name] for name in POINT_COLUMNS]).reshape(frames, NUM_KEYPOINTS, 3)
    confidence, _ = missing_where_not_finite(points[..., :2], points[..., 2])
    box = None
    if all(name in rows for name in BOX_COLUMNS):
        box = np.column_stack([rows[name] for name in BOX_COLUMNS])
    index = rows["frame_index"]
    if not (np.isfinite(index).all() and (index == np.rint(index)).all() and np.abs(index).max() < 2**31):
        raise DataError("found frame_index that are not integers, expected frames from 0", _GET_AGAIN)
    time = rows.get("time", np.full(frames, np.nan))
    info = _info(rows, corpus)
    width, height = reading.size(info.width, info.height)
    track = PoseTrack.with_missing(
        replace(info, width=width, height=height),
        reading.pixels(points[..., :2], width, height),
        confidence,
        index,
        time,
        None if box is None else reading.pixels(box, width, height),
    )
    lost = int((points[..., 2] > 0).sum() - (confidence > 0).sum())
    return track, (f"{lost:,} keypoints have a confidence but no position: used as missing",) if lost else ()


def _info(rows: _Rows, corpus: str) -> ClipInfo:
    """Return the properties in the first row of a clip; the other rows must have the same values."""
    values: dict[str, Any] = {}
    for name in INFO_FIELDS:
        column = rows.get(name)
        if column is None or (name not in TEXT_FIELDS and np.isnan(column[0])):
            values[name] = "" if name in TEXT_FIELDS else _ABSENT.get(name, 0)
            continue
        if (column != column[0]).any():
            raise DataError(f"found several values of {name} in one clip, expected one", _GET_AGAIN)
        value = column[0]
        values[name] = value if name in TEXT_FIELDS or name == "fps" else _whole(name, float(value))
    values["several_people"] = bool(values["several_people"])
    values["corpus"] = values["corpus"] or corpus
    values["end"] = values["end"] or int(rows["frame_index"][-1]) + 1
    values["split"] = SPLIT_NAMES.get(values["split"].lower(), values["split"])
    return ClipInfo(**values)


def _whole(name: str, value: float) -> int:
    if not abs(value) < 2**31 or value != int(value):
        raise DataError(f"found {value:g} as {name}, expected an integer", _GET_AGAIN)
    return int(value)


def _provenance(stored: bytes | None, declared: str | None) -> Provenance:
    if stored is not None:
        try:
            found = Provenance.model_validate_json(stored).model_copy(update={"tool_version": VERSION})
        except ValidationError:
            raise DataError("found damaged information about the origin of the tracks", _GET_AGAIN) from None
        if declared is not None and declared != found.estimator.name:
            raise DataError(
                f"found the estimator {found.estimator.name[:40]!a} in the file, expected the {declared} of "
                "{estimator}",
                "Leave out {estimator}: this file contains it",
                estimator=...,
            )
        return found
    estimator = Reading(estimator=declared).identity(
        "parquet-import", "unknown", {"source": "parquet"}, "as the table gave it, from 0 to 1"
    )
    return Provenance(estimator=estimator, tool_version=VERSION)


def _shown(error: BaseException) -> str:
    return ascii(str(error).partition("\n")[0])[1:81].rstrip("'") or type(error).__name__

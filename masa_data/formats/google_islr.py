"""Google's Isolated Sign Language Recognition data: MediaPipe landmarks in one Parquet file for each clip.

`train.csv` has the columns `path,participant_id,sequence_id,sign`. A file has the columns `frame`, `type`,
`landmark_index`, `x`, `y` and 543 rows for each frame: 468 of the face, 21 of each hand and 33 of the body. x
and y are shares of the frame, and NaN is a missing landmark. The data has no scores, no split, and neither
the size nor the rate of its frames.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.annotations import Fields, find_file, read_json
from masa_data.corpora.clip import Clip, Problem
from masa_data.errors import DataError
from masa_data.formats.collector import Imported, import_each
from masa_data.formats.parquet.table import load_pyarrow
from masa_data.formats.untrusted.limits import MAX_CLIP_FRAMES, check_frames, check_unpacked, regular_size
from masa_data.formats.wholebody import WholeBody, WholeBodyImport
from masa_data.tracks.skeleton import (
    LEFT_HAND,
    MEDIAPIPE_POSE_INDICES,
    NUM_HAND_KEYPOINTS,
    NUM_KEYPOINTS,
    RIGHT_HAND,
)
from masa_data.tracks.track import NO_LABEL

CORPUS: Final = "google-islr"
LANDMARKS: Final = 543

_COLUMNS: Final = ("path", "participant_id", "sequence_id", "sign")
_LABELS: Final = "sign_to_prediction_index_map.json"
# Below the list's folder; no part begins with a point, so none is "..".
_PATH: Final = re.compile(r"(?:[^./\\\0][^/\\\0]*/)*[^./\\\0][^/\\\0]*\.parquet")
_LONGEST_LINE: Final = 4096
_MAX_LABEL: Final = 10**6
_NEEDED: Final = ("frame", "type", "landmark_index", "x", "y")
_GET_AGAIN: Final = "Download the file again"


class IslrRow(NamedTuple):
    """A row of `train.csv`.

    Attributes:
        line: its line, from 1.
        path: path of the clip's file below the list's folder.
        signer: the participant.
        sign: the gloss.
    """

    line: int
    path: str
    signer: str
    sign: str


def read_islr_list(path: Path) -> Iterator[IslrRow | Problem]:
    """Yield the rows of `train.csv`, one at a time; a row that cannot be used is yielded as a problem.

    Args:
        path: the list.

    Raises:
        DataError: if the list as a whole cannot be used.
        OSError: if it cannot be read.

    Example:
        >>> next(read_islr_list(Path("asl-signs/train.csv")))
        IslrRow(line=2, path='train_landmark_files/26734/1000035562.parquet', signer='26734', sign='blow')
    """
    again = "Download the list again"
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(_lines(file, path), strict=True)
        try:
            columns = next(reader, [])
            if not {"path", "participant_id", "sign"} <= set(columns):
                raise DataError(
                    f"{path}:1: found the columns {', '.join(columns)[:80] or 'none'}, expected "
                    f"{', '.join(_COLUMNS)}",
                    "Give the train.csv of the data",
                )
            count = len(columns)
            first, signer, sign = map(columns.index, ("path", "participant_id", "sign"))
            for values in reader:
                if len(values) == count and _PATH.fullmatch(values[first]) and values[sign]:
                    yield IslrRow(reader.line_num, values[first], values[signer], values[sign])
                    continue
                reason = (
                    f"{path}:{reader.line_num}: found {','.join(values)[:80]!r}, expected the path of a "
                    ".parquet file below the list's folder, a signer and a sign"
                )
                yield Problem.of(DataError(reason, "Correct the row"), str(path))
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: found no valid CSV ({error})", again) from None
        except UnicodeDecodeError:
            reason = f"{path}, after line {reader.line_num}: found bytes that are not UTF-8"
            raise DataError(reason, again) from None


class IslrFiles:
    """Reads the clips of a list one by one; memory does not grow with their number."""

    def __init__(self, path: Path, corpus: str) -> None:
        """Prepare to read.

        Args:
            path: the list.
            corpus: name of the corpus of the clips.

        Raises:
            NotInstalledError: if pyarrow is not installed.
            DataError: if the list of labels next to it cannot be used.
            OSError: if a file cannot be read.
        """
        self._pa = load_pyarrow()
        self._path = path
        self._corpus = corpus
        labels = find_file(path.parent, path.parent, (_LABELS,))
        self._labels = {} if labels is None else _read_labels(labels)

    def outcomes(self, importer: WholeBodyImport) -> Iterator[Imported]:
        """Yield the result for each row of the list.

        Raises:
            OSError: if the list cannot be read.
        """
        try:
            for row in read_islr_list(self._path):
                if isinstance(row, Problem):
                    yield Imported(None, (row,))
                else:
                    yield from import_each([self._clip(row)], importer.track)
        except DataError as error:
            yield Imported(None, (Problem.of(error, str(self._path)),))

    def _clip(self, row: IslrRow) -> Clip:
        source = self._path.parent / row.path
        return Clip(
            "/".join(row.path.removesuffix(".parquet").split("/")[-2:]),
            source,
            str(source),
            self._corpus,
            gloss=row.sign,
            label=self._labels.get(row.sign, NO_LABEL),
            signer=row.signer,
        )

    def read(self, clip: Clip) -> WholeBody:
        """Read the 49 keypoints of a clip, as shares of the frame; a landmark that is missing has score 0.

        Raises:
            DataError: if it is not such a file.
            OSError: if it cannot be read.
        """
        columns = self._columns(clip.source)
        frame, place = columns["frame"], _places(columns["type"], columns["landmark_index"])
        known = place >= 0
        if not known.any():
            raise DataError("found none of the 49 keypoints, expected body and hands", _GET_AGAIN)
        numbers = np.unique(frame[known])
        check_frames(len(numbers))
        if numbers[0] < 0:
            raise DataError(f"found frame {numbers[0]}, expected frames from 0", _GET_AGAIN)
        cells = np.searchsorted(numbers, frame[known]) * NUM_KEYPOINTS + place[known]
        if np.bincount(cells).max() > 1:
            raise DataError("found a landmark twice in one frame, expected each once", _GET_AGAIN)
        flat = np.full((len(numbers) * NUM_KEYPOINTS, 2), np.nan)
        flat[cells, 0], flat[cells, 1] = columns["x"][known], columns["y"][known]
        points = flat.reshape(-1, NUM_KEYPOINTS, 2)
        found = np.isfinite(points).all(axis=2)
        # NaN means missing here, so it is no reason for a warning.
        points = np.where(found[..., None], points, 0)
        return WholeBody(points, found.astype(np.float64), numbers.astype(np.int64))

    def _columns(self, path: Path) -> dict[str, NDArray[Any]]:
        """Return the needed columns of the rows of body and hands; `type` as the index in _PARTS."""
        size = regular_size(path)
        try:
            with self._pa.parquet.ParquetFile(path, read_dictionary=["type"]) as file:
                stored = file.metadata
                names = set(file.schema_arrow.names)
                if missing := [name for name in _NEEDED if name not in names]:
                    raise DataError(
                        f"found no column {missing[0]}, expected {', '.join(_NEEDED)}", _GET_AGAIN
                    )
                if stored.num_rows > MAX_CLIP_FRAMES * LANDMARKS:
                    raise DataError(f"found {stored.num_rows:,} rows, expected one clip", _GET_AGAIN)
                groups = range(stored.num_row_groups)
                unpacked = sum(stored.row_group(group).total_byte_size for group in groups)
                check_unpacked(int(unpacked), size, "rows")
                table = file.read(columns=list(_NEEDED), use_threads=False)
            table.validate(full=True)
            parts = self._types(table.column("type"))
            rows = np.flatnonzero(parts >= 0)  # without the face, a seventh of them
            if not len(rows):
                raise DataError("found none, expected body and hands in the column type", _GET_AGAIN)
            columns = {name: _numbers(table, name)[rows] for name in _NEEDED if name != "type"}
        except (self._pa.ArrowException, OSError, ValueError, TypeError) as error:
            if isinstance(error, DataError) or (isinstance(error, OSError) and error.errno):
                raise
            shown = ascii(str(error).partition("\n")[0])[1:81]
            raise DataError(f"found no Parquet file of landmarks ({shown})", _GET_AGAIN) from None
        return columns | {"type": parts[rows]}

    def _types(self, column: Any) -> NDArray[np.int64]:  # noqa: ANN401  # a column of pyarrow's
        """Return for each row the index of its part in _PARTS; -1 = another part."""
        texts = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if not self._pa.types.is_dictionary(texts.type):
            texts = texts.dictionary_encode()
        known = [_PARTS.index(text) if text in _PARTS else -1 for text in texts.dictionary.to_pylist()]
        rows = texts.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
        parts: NDArray[np.int64] = np.array([*known, -1])[rows]
        return parts


_PARTS: Final = ("pose", "left_hand", "right_hand")


def _place_table() -> NDArray[np.int64]:
    """Return the index among the 49 keypoints by part and landmark; -1 = not one of them."""
    table = np.full((len(_PARTS) + 1, LANDMARKS), -1)  # the last row is for other parts
    table[0, MEDIAPIPE_POSE_INDICES] = np.arange(len(MEDIAPIPE_POSE_INDICES))
    for row, hand in ((1, LEFT_HAND), (2, RIGHT_HAND)):
        table[row, :NUM_HAND_KEYPOINTS] = np.arange(hand.start, hand.stop)
    return table


_PLACES: Final = _place_table()


def _numbers(table: Any, name: str) -> NDArray[Any]:  # noqa: ANN401  # a table of pyarrow's
    values: NDArray[Any] = table.column(name).to_numpy()
    kinds = "iuf" if name in ("x", "y") else "iu"
    if values.dtype.kind not in kinds:
        expected = "numbers" if name in ("x", "y") else "integers"
        raise DataError(f"found {values.dtype} in the column {name}, expected {expected}", _GET_AGAIN)
    return values


def _places(parts: NDArray[np.int64], landmarks: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(landmarks) and not (landmarks.min() >= 0 and landmarks.max() < LANDMARKS):
        raise DataError(
            f"found a landmark_index outside 0 to {LANDMARKS - 1}, expected those of MediaPipe", _GET_AGAIN
        )
    return np.asarray(_PLACES[parts, landmarks])


def _read_labels(path: Path) -> dict[str, int]:
    values = read_json(path)
    if not isinstance(values, dict):
        raise DataError(f"{path}: found no signs with their numbers, expected them", "Download it again")
    fields = Fields(str(path), values)
    return {sign: fields.whole(sign, 0, _MAX_LABEL) for sign in values}


def _lines(file: Any, path: Path) -> Iterator[str]:  # noqa: ANN401  # a text file
    """Yield the lines of a file; without a limit, a file of one line would be read into memory whole."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DataError(
                f"{path}: found a line of {_LONGEST_LINE:,} characters or more, expected a short one",
                "Download the list again",
            )
        yield line

"""Files of one clip each, with a row of numbers for each frame: npz and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.formats.column_blocks import keypoints_in, parse_blocks
from masa_data.formats.import_job import ImportJob, whole_body_job
from masa_data.formats.import_options import ImportOptions, is_listed
from masa_data.formats.inputs import list_keypoint_files
from masa_data.formats.npz.columns import GET_AGAIN, NpzColumns
from masa_data.formats.parquet.table import load_pyarrow
from masa_data.formats.untrusted.limits import MAX_CLIP_FRAMES, check_unpacked, regular_size
from masa_data.formats.untrusted.npz_errors import DAMAGED_NPZ
from masa_data.formats.wholebody import WholeBodyImport

_MOST_NUMBERS: Final = 4 * 543  # in a row: all landmarks of MediaPipe Holistic with four values
_ARRAY: Final = "keypoints"
# Columns of a table that number the frames.
_NO_POINTS: Final = frozenset({"frame", "frame_index", "time", "__index_level_0__"})


def import_npz_tables(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import npz files of one clip each: the array `keypoints`, or the only one, (T, points, values).

    Args:
        inputs: files and folders.
        options: the user's statements about the files; `columns` is the order of the numbers.

    Raises:
        DataError: if `columns` is wrong, or size and rate of the frames are unknown.
    """
    return _import(inputs, options, ".npz")


def import_parquet_tables(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import Parquet files of one clip each: a row for each frame, whose columns are numbers.

    Args:
        inputs: files and folders.
        options: the user's statements about the files; `columns` is the order of the numbers.

    Raises:
        NotInstalledError: if pyarrow is not installed.
        DataError: if `columns` is wrong, or size and rate of the frames are unknown.
    """
    load_pyarrow()
    return _import(inputs, options, ".parquet")


def _import(inputs: Sequence[str], options: ImportOptions, ending: str) -> ImportJob:
    blocks = parse_blocks(options.columns or "")
    read = read_npz_rows if ending == ".npz" else read_parquet_rows
    listing = list_keypoint_files(inputs, ending, options.corpus)
    importer = WholeBodyImport(
        lambda clip: keypoints_in(read(clip.source), blocks),
        options.frames(known=is_listed(listing)),
        f"{ending[1:]}-import",
        reading=options.reading,
    )
    return whole_body_job(listing, importer, f"{ending[1:]} {options.columns}", options.model)


def read_npz_rows(path: Path) -> NDArray[np.float64]:
    """Return (T, V) the numbers of a clip's npz file. Nothing in it is ever unpickled.

    Raises:
        DataError: if it has not one array of numbers for each frame.
        OSError: if it cannot be read.
    """
    size = regular_size(path)
    with ExitStack() as stack:
        try:
            columns = NpzColumns(path, stack)
            names = columns.names()
            name = _ARRAY if _ARRAY in names else names[0] if len(names) == 1 else ""
            if not name:
                some = ", ".join(names[:5])
                raise DataError(f"found the arrays {some[:80]}, expected {_ARRAY!r} or only one", GET_AGAIN)
            values = columns.values(name, "iuf", MAX_CLIP_FRAMES * _MOST_NUMBERS)
        except DAMAGED_NPZ as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"found no npz file ({ascii(str(error))[1:81]})", GET_AGAIN) from None
    check_unpacked(values.nbytes, size, name)
    if values.ndim not in (2, 3):
        raise DataError(
            f"found {name} of shape {str(values.shape)[:60]}, expected (frames, points, values) or (frames, "
            "numbers)",
            GET_AGAIN,
        )
    return values.reshape(len(values), int(np.prod(values.shape[1:]))).astype(np.float64)


def read_parquet_rows(path: Path) -> NDArray[np.float64]:
    """Return (T, V) the numbers of a clip's table, column after column; missing values are NaN.

    Raises:
        DataError: if it is not a table of numbers.
        OSError: if it cannot be read.
    """
    pa = load_pyarrow()
    size = regular_size(path)
    try:
        with pa.parquet.ParquetFile(path) as file:
            stored = file.metadata
            names = [name for name in file.schema_arrow.names if name not in _NO_POINTS]
            if stored.num_rows > MAX_CLIP_FRAMES or len(names) > _MOST_NUMBERS:
                raise DataError(
                    f"found {stored.num_rows:,} rows of {len(names):,} columns, expected one clip", GET_AGAIN
                )
            groups = range(stored.num_row_groups)
            check_unpacked(sum(stored.row_group(group).total_byte_size for group in groups), size, "rows")
            table = file.read(columns=names, use_threads=False)
        table.validate(full=True)
        rows = [table.column(name).cast(pa.float64()).to_numpy() for name in names]
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        if isinstance(error, DataError) or (isinstance(error, OSError) and error.errno):
            raise
        shown = ascii(str(error).partition("\n")[0])[1:81]
        raise DataError(f"found no Parquet file of numbers ({shown})", GET_AGAIN) from None
    if not rows:
        raise DataError("found no column of numbers, expected one for each value", GET_AGAIN)
    return np.stack(rows, axis=1)

"""Export to Parquet, for pandas, Polars, DuckDB and R: one row per frame, with all data of a masa file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from typing_extensions import Self

from masa_data.formats.parquet.table import load_pyarrow, schema, table_of
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import PoseTrack

_ROWS_A_GROUP: Final = 16384


class ParquetExport:
    """Writes a few thousand rows at a time."""

    not_held = "the number of keypoints that were too far outside to be stored"

    def __init__(self, path: Path, provenance: Provenance) -> None:
        """Start a file.

        Args:
            path: path of the output file.
            provenance: provenance of the tracks.

        Raises:
            DataError: if pyarrow is not installed.
            OSError: if the file cannot be written.
        """
        self._pa = load_pyarrow()
        self._schema = schema(self._pa, provenance.model_dump_json())
        self._writer = self._pa.parquet.ParquetWriter(path, self._schema)
        self._waiting: list[PoseTrack] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, track: PoseTrack) -> None:
        """Add a track; rows are written in larger groups.

        Raises:
            OSError: if the disk is full.
        """
        self._waiting.append(track)
        if sum(map(len, self._waiting)) >= _ROWS_A_GROUP:
            self._flush()

    def finish(self) -> list[str]:
        """Write the remaining rows.

        Returns:
            data of these tracks that was lost: none.
        """
        self._flush()
        return []

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(table_of(self._pa, self._schema, self._waiting))
            self._waiting.clear()

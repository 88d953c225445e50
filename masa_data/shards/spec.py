"""Content of a shard file: names, types and version.

docs/shard-format.md describes the format in text, with the history of versions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from numpy.typing import DTypeLike

from masa_data.tracks.skeleton import NUM_KEYPOINTS

FORMAT_NAME: Final = "masa-pose-shards"
FORMAT_VERSION: Final = 2

# Limits for the numbers in a file: a few bytes can declare any number.
MAX_CLIPS: Final = 1 << 24
MAX_SHARDS: Final = 1 << 17

STRING: Final = "utf-8"  # in the tables below: UTF-8 texts, as long as the longest text of the column


class Column(NamedTuple):
    """One dataset of a file: its path, its element type, and the shape of one row."""

    path: str
    dtype: DTypeLike
    row_shape: tuple[int, ...] = ()


# One row per kept frame: 196 + 49 + 4 + 4 = 253 bytes, and 8 for the box. Contiguous
# and unfiltered, so that readers can map them.
FRAME_COLUMNS: Final = {
    "positions": Column("frames/positions", "<u2", (NUM_KEYPOINTS, 2)),
    "confidence": Column("frames/confidence", "u1", (NUM_KEYPOINTS,)),
    "frame_index": Column("frames/frame_index", "<i4"),
    "time": Column("frames/time", "<f4"),
    "box": Column("frames/box", "<u2", (4,)),
}

# One row per clip. The names are ClipInfo's, then values that only the file has.
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
    "crc32": Column("clips/crc32", "<u4"),  # CRC-32 of the clip's rows of the frame columns, in that order
}
OFFSETS: Final = Column("clips/offset", "<i8")  # clips + 1 rows: clip i has frames offset[i]:offset[i + 1]

# An index lists its shards; it contains no frames or clips.
SHARD_COLUMNS: Final = {
    "name": Column("shards/name", STRING),
    "bytes": Column("shards/bytes", "<i8"),
    "sha256": Column("shards/sha256", STRING),
    "clips": Column("shards/clips", "<i8"),
}

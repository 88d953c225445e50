"""Limits for the content of files from untrusted sources.

An import keeps one clip in memory. These limits keep this near a gigabyte, whatever a file declares, and they
are far above the size of real clips of signs.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from masa_data.errors import DataError

MAX_CLIP_FRAMES: Final = 50_000  # half an hour at 25 frames/s; a sign takes seconds
_MAX_FRAMES_OF_PEOPLE: Final = 4 * MAX_CLIP_FRAMES
# Real keypoints compress to a third, and without hands to a twentieth; zeros to a thousandth.
_MOST_PACKED: Final = 100
_SMALL: Final = 64 << 20  # bytes


def check_frames(frames: int, people: int = 1) -> None:
    """Check that a clip is not longer, and does not have more people, than an import can keep in memory.

    Args:
        frames: number of frames.
        people: number of people in each frame.

    Raises:
        DataError: if there are too many.
    """
    if frames > MAX_CLIP_FRAMES or frames * people > _MAX_FRAMES_OF_PEOPLE:
        raise DataError(
            f"found {frames:,} frames of {people:,} people, expected one clip of at most {MAX_CLIP_FRAMES:,} "
            "frames and a few people",
            "Cut it into clips of one sign",
        )


def check_unpacked(size: int, packed: int, what: str) -> None:
    """Check that a few bytes do not decompress to very many.

    Args:
        size: number of bytes after decompression.
        packed: number of bytes in the file.
        what: description of the data.

    Raises:
        DataError: if they do.
    """
    if size > max(_SMALL, _MOST_PACKED * packed):
        raise DataError(
            f"found {size:,} bytes of {what} compressed to {packed:,}, expected a factor of at most "
            f"{_MOST_PACKED}",
            "Leave the file out: it contains almost only repeated data",
        )


def regular_size(path: Path) -> int:
    """Return the size of a file in bytes; pipes and devices, which may be endless, are refused.

    Raises:
        DataError: if it is not a regular file.
        OSError: if it does not exist.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DataError("found a folder, pipe or device, expected a file", "Check the path")
    return found.st_size

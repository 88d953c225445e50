"""How much a file of others may ask for.

An import holds one clip in memory. These bounds keep it near a gigabyte whatever a file claims, and are far
beyond what anybody signs in one clip.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from masa_data.errors import DataError

MAX_CLIP_FRAMES: Final = 50_000  # half an hour at 25 frames/s; a sign takes seconds
_MAX_FRAMES_OF_PEOPLE: Final = 4 * MAX_CLIP_FRAMES
# Real keypoints shrink to a third, and with hands never found to a twentieth; zeros to a thousandth.
_MOST_PACKED: Final = 100
_SMALL: Final = 64 << 20  # bytes


def check_frames(frames: int, people: int = 1) -> None:
    """Check that a clip is no longer, and shows no more people, than an import can hold.

    Args:
        frames: how many.
        people: side by side in each frame.

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
    """Check that hardly any bytes do not stand for very many.

    Args:
        size: bytes that come out.
        packed: bytes in the file.
        what: they are.

    Raises:
        DataError: if they do.
    """
    if size > max(_SMALL, _MOST_PACKED * packed):
        raise DataError(
            f"found {size:,} bytes of {what} packed into {packed:,}, expected at most {_MOST_PACKED} times "
            "as many",
            "Leave the file out: it holds hardly anything but repetition",
        )


def regular_size(path: Path) -> int:
    """The size of a file in bytes; pipes and devices, which may never end, are none.

    Raises:
        DataError: if it is no regular file.
        OSError: if it is not there.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DataError("found a folder, pipe or device, expected a file", "Check the path")
    return found.st_size

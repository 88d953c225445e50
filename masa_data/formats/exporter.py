"""What an export is: tracks in one by one, a file or a folder out, and a word on what had no place in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.annotations import is_plain_name
from masa_data.disk import new_files
from masa_data.errors import DataError, ExistsError
from masa_data.formats.clips_csv import CLIPS_CSV
from masa_data.formats.wholebody import NUM_WHOLEBODY
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from masa_data.tracks.track import PoseTrack

# Of COCO-WholeBody.
NOT_OURS: Final = "the 84 of the 133 keypoints that our files do not have are zeros with score 0"
DECIMALS: Final = 4  # finer than a step of our files, at any size of frame


class Exporter(Protocol):
    """Writes tracks in another project's format."""

    @property
    def not_held(self) -> str:
        """What this format has no place for, whatever the tracks."""

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if this track cannot be written; others can.
            OSError: if the disk is full.
        """

    def finish(self) -> list[str]:
        """Write what comes last.

        Returns:
            what these very tracks lost, a line each.

        Raises:
            OSError: if the disk is full.
        """


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write to, which becomes `out` at the end, or vanishes if something goes wrong.

    Raises:
        ExistsError: if `out` is there and not an empty folder.
        OSError: if it cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExistsError(f"{out} is there already", "Name a folder that is not there, or an empty one")
    temporary = out.with_name(out.name + ".tmp")
    if temporary.exists():
        raise ExistsError(f"{temporary} is there already", "Remove it if no other export is at work on it")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A file to write to, which becomes `out` at the end, or vanishes if something goes wrong.

    Raises:
        ExistsError: if `out` is there and may not be, or is a folder.
        OSError: if its folder cannot be made.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise ExistsError(
            f"{out} is there already", "Name another output file, or give {overwrite}", overwrite=True
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with new_files.new_file(out) as temporary:
        yield temporary


def place_of(folder: Path, clip_id: str, ending: str = "") -> Path:
    """Where in a folder the file (or, without an ending, the folder) of a clip is: by its id, nowhere else.

    Raises:
        DataError: if the id would lead out of the folder or is no path.
    """
    if not all(map(is_plain_name, clip_id.split("/"))) or clip_id == CLIPS_CSV:
        raise DataError(
            f"found the clip id {clip_id!a}, expected one that can be a file's path in the output folder",
            "Leave the clip out with masa-convert filter, or choose a format of one file",
        )
    return folder / PurePosixPath(clip_id + ending)


def xy_and_score(track: PoseTrack) -> NDArray[np.float32]:
    """(T, 49, 3) x, y in pixels and confidence; three zeros where missing, as other projects have it."""
    return np.concatenate([np.nan_to_num(track.keypoints), track.confidence[..., None]], axis=2)


def as_wholebody(track: PoseTrack) -> NDArray[np.float32]:
    """(T, 133, 3) x, y in pixels and confidence of COCO-WholeBody; zeros for the 84 that we do not have."""
    points = np.zeros((len(track), NUM_WHOLEBODY, 3), np.float32)
    points[:, COCO_WHOLEBODY_INDICES] = xy_and_score(track)
    return points


def even_step(track: PoseTrack) -> int | None:
    """How many source frames lie between kept ones; None if not always as many. 1 for a single frame."""
    steps = np.diff(track.frame_index)
    if len(steps) == 0:
        return 1
    return int(steps[0]) if (steps == steps[0]).all() else None

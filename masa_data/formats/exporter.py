"""The interface of exports: they receive tracks one by one, write a file or folder, and report lost data."""

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
NOT_OURS: Final = "the 84 of the 133 keypoints that masa's files do not have are zeros with score 0"
DECIMALS: Final = 4  # finer than a step of the stored positions, at any frame size


class Exporter(Protocol):
    """Writes tracks in another project's format."""

    @property
    def not_held(self) -> str:
        """Data that the format can never store."""

    def add(self, track: PoseTrack) -> None:
        """Write a track.

        Raises:
            DataError: if this track cannot be written; others can still be written.
            OSError: if the disk is full.
        """

    def finish(self) -> list[str]:
        """Write the end of the output.

        Returns:
            data of these tracks that was lost, one line each.

        Raises:
            OSError: if the disk is full.
        """


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Create a folder for writing, which is renamed to `out` at the end, or removed after an error.

    Raises:
        ExistsError: if `out` exists and is not an empty folder.
        OSError: if it cannot be created.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExistsError(f"{out} already exists", "Choose a folder that does not exist, or an empty one")
    temporary = out.with_name(out.name + ".tmp")
    if temporary.exists():
        raise ExistsError(f"{temporary} already exists", "Remove it if no other export is using it")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Create a file for writing, which is renamed to `out` at the end, or removed after an error.

    Raises:
        ExistsError: if `out` exists and must not be replaced, or is a folder.
        OSError: if its folder cannot be created.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        raise ExistsError(
            f"{out} already exists", "Choose another output file, or give {overwrite}", overwrite=True
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with new_files.new_file(out) as temporary:
        yield temporary


def place_of(folder: Path, clip_id: str, ending: str = "") -> Path:
    """Return the path of a clip's file (without `ending`: folder) in a folder; it is never outside of it.

    Raises:
        DataError: if the id leads out of the folder or is not a valid path.
    """
    if not all(map(is_plain_name, clip_id.split("/"))) or clip_id == CLIPS_CSV:
        raise DataError(
            f"found the clip id {clip_id!a}, expected one that is a valid path in the output folder",
            "Leave the clip out with masa-convert filter, or choose a format with a single file",
        )
    return folder / PurePosixPath(clip_id + ending)


def xy_and_score(track: PoseTrack) -> NDArray[np.float32]:
    """Return (T, 49, 3) x, y in pixels and confidence; three zeros if missing, as other projects write it."""
    return np.concatenate([np.nan_to_num(track.keypoints), track.confidence[..., None]], axis=2)


def as_wholebody(track: PoseTrack) -> NDArray[np.float32]:
    """Return (T, 133, 3) x, y in pixels and confidence of COCO-WholeBody; the other 84 keypoints are 0."""
    points = np.zeros((len(track), NUM_WHOLEBODY, 3), np.float32)
    points[:, COCO_WHOLEBODY_INDICES] = xy_and_score(track)
    return points


def even_step(track: PoseTrack) -> int | None:
    """Return the constant step between kept source frames; None if it varies. 1 for a single frame."""
    steps = np.diff(track.frame_index)
    if len(steps) == 0:
        return 1
    return int(steps[0]) if (steps == steps[0]).all() else None

"""Clips with one file per frame: `VIDEO_000000000042_keypoints.json`, `000042.json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.corpora.folder import clip_below
from masa_data.errors import DataError
from masa_data.formats.people import Instance, find_signer, largest
from masa_data.formats.untrusted.limits import check_frames
from masa_data.formats.wholebody import WholeBody

_MAX_NUMBER: Final = 10**9


@dataclass(slots=True)
class FrameFiles:
    """The frames of many clips, found in folders.

    Attributes:
        frame_of: returns video and number of the frame in a file, ("", 42) if the name contains no video;
            None if it is not a frame.
        people: returns all people in a frame; raises DataError or OSError.
        files: for each clip id, the frame numbers and their files, in order.
    """

    frame_of: Callable[[Path], tuple[str, int] | None]
    people: Callable[[Path], list[Instance]]
    files: dict[str, list[tuple[int, Path]]] = field(default_factory=dict)

    def add_folder(self, listing: Listing, root: Path, folder: Path, names: list[str]) -> list[str]:
        """Find the clips whose frames are in a folder.

        All frames of a folder are one clip with the folder's name. If the frames of several videos are in one
        folder, or frames are in the given folder itself, each video is a clip in this folder.

        Args:
            listing: listing to which clips and problems are added.
            root: folder given by the user.
            folder: root, or a folder in it.
            names: names of the folder's files.

        Returns:
            the names that are not frames.
        """
        others: list[str] = []
        videos: dict[str, list[tuple[int, Path]]] = defaultdict(list)
        for name in names:
            found = self.frame_of(folder / name)
            if found is None:
                others.append(name)
            else:
                videos[found[0]].append((found[1], folder / name))
        for video, frames in sorted(videos.items()):
            below = folder.relative_to(root)
            alone = len(videos) == 1 and folder != root
            self._add(listing, root, below if alone else below / (video or root.name), folder, frames)
        return others

    def read(self, clip: Clip) -> WholeBody:
        """Read the signer's keypoints from a clip's frames; missing frames are not in the track.

        Raises:
            DataError: if a file is not such a frame.
            OSError: if a file cannot be read.
        """
        frames = self.files[clip.id]
        # Of a crowd, only the largest people can be the signer; the others would only take memory.
        people = [largest(self.people(path)) for _, path in frames]
        index = np.array([number for number, _ in frames])
        if clip.listed is not None or not _counts_from_1(index):
            return find_signer(people, index)
        found = find_signer(people, index - 1)
        found.warnings.append(
            f"frames are numbered from 1 to {len(index)}: used as frames 0 to {len(index) - 1} of the video"
        )
        return found

    def _add(
        self, listing: Listing, root: Path, name: Path, folder: Path, frames: list[tuple[int, Path]]
    ) -> None:
        try:
            clip = clip_below(root, name, folder)
            frames.sort()
            if len({number for number, _ in frames}) != len(frames):
                raise DataError(
                    "found two files for one frame, expected one", "Keep the frames of only one run in it"
                )
            check_frames(len(frames))
            if frames[-1][0] >= _MAX_NUMBER:
                raise DataError(
                    f"found the frame number {frames[-1][0]:,}, expected less than {_MAX_NUMBER:,}",
                    "Number the files by frame",
                )
        except DataError as error:
            listing.problems.append(Problem.of(error, ascii(str(folder))[1:-1]))
            return
        listing.clips.append(clip)
        self.files.setdefault(clip.id, frames)  # of clips with the same id, the first is kept, as in `join`


def _counts_from_1(index: NDArray[np.int64]) -> bool:
    """Return whether the numbers are 1, 2, 3, …: ffmpeg numbers images so, and estimators skip no frame."""
    return len(index) > 1 and index[0] == 1 and index[-1] == len(index)

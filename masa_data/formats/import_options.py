"""The user's statements about keypoint files to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from masa_data.corpora.clip import Listing
from masa_data.formats.frame_facts import FrameSource, frame_source
from masa_data.formats.reading import Reading, Units


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Properties that the files do not contain.

    Attributes:
        corpus: name of the clips' corpus, if the input contains none.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        swap_size: whether the size in files has height and width swapped.
        estimator: declared estimator of the keypoints; None = not declared.
        model: model that found the keypoints, for the provenance.
        size: width and height of the frames in pixels; None = not given.
        fps: frames per second; None = not given.
        videos: folder of the videos of the keypoints, which provide size and rate; None = not given.
        columns: order of the numbers in files of one clip each (`column_blocks`); None = not such files.
    """

    corpus: str = "folder"
    units: Units = "pixels"
    swap_size: bool = False
    estimator: str | None = None
    model: str = "unknown"
    size: tuple[int, int] | None = None
    fps: float | None = None
    videos: Path | None = None
    columns: str | None = None

    @property
    def reading(self) -> Reading:
        """How the numbers in the files are interpreted."""
        return Reading(self.units, self.swap_size, self.estimator)

    def frames(self, *, known: bool) -> FrameSource | None:
        """Choose the source of the frames' size and rate; None if only the input contains them.

        Args:
            known: whether some input contains them, so that they need not be given.

        Raises:
            DataError: if they are not given, or given twice.
        """
        return frame_source(self.videos, self.size, self.fps, known=known)


def is_listed(listing: Listing) -> bool:
    """Return whether a list next to the files contains size and rate of any clip."""
    return any(clip.listed is not None for clip in listing.clips)

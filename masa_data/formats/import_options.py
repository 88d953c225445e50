"""What a user says of keypoint files to import, beside their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from masa_data.corpora.clip import Listing
from masa_data.formats.frame_facts import FrameSource, frame_source
from masa_data.formats.reading import Reading, Units


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the files themselves do not say.

    Attributes:
        corpus: name of the clips' corpus, where the input names none.
        units: of positions: "pixels", or "shares" of the frame's width and height.
        swap_size: whether files that say a size give height and width the other way round.
        estimator: the one that is declared to have found the keypoints; None = nobody says.
        model: the model that found them, to be recorded.
        size: width and height of the frames in pixels; None = not said.
        fps: frames per second; None = not said.
        videos: the folder of the videos behind the keypoints, which say size and rate; None = not at hand.
    """

    corpus: str = "folder"
    units: Units = "pixels"
    swap_size: bool = False
    estimator: str | None = None
    model: str = "unknown"
    size: tuple[int, int] | None = None
    fps: float | None = None
    videos: Path | None = None

    @property
    def reading(self) -> Reading:
        """How the numbers in the files are to be taken."""
        return Reading(self.units, self.swap_size, self.estimator)

    def frames(self, *, known: bool) -> FrameSource | None:
        """Where size and rate of the frames come from; None if only the input says them.

        Args:
            known: whether some input says them, so that nothing else need.

        Raises:
            DataError: if nothing says them, or two things do.
        """
        return frame_source(self.videos, self.size, self.fps, known=known)


def is_listed(listing: Listing) -> bool:
    """Whether a list beside the files says size and rate of some clip."""
    return any(clip.listed is not None for clip in listing.clips)

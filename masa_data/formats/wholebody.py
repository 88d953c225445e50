"""Conversion of a signer's imported keypoints to a track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.formats.frame_facts import FrameFacts, FrameSource, settle_facts
from masa_data.formats.frame_numbers import parse_frames
from masa_data.formats.reading import PIXELS, Reading
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.raw_scores import unite_raw_scores
from masa_data.tracks.track import ClipInfo, PoseTrack
from masa_data.version import VERSION

NUM_WHOLEBODY: Final = 133

# Maximum excess of a track over the length that its video declares, because containers are not exact.
_FRAMES_BEYOND: Final = 0.1

_FARTHEST: Final = 1e9  # pixels

# HRNet's heatmap scores exceed 1 by a few hundredths; the scores of SimCC models reach 10.
_HIGHEST_HEATMAP_SCORE: Final = 1.5


@dataclass(frozen=True, slots=True)
class WholeBody:
    """The signer's 49 of the 133 or other keypoints in T frames.

    Attributes:
        keypoints: (T, 49, 2) pixels; any value where the score is 0.
        scores: (T, 49) raw scores of the model; 0 = missing.
        frame_index: (T,) numbers of the source frames, counted from 0, increasing.
        box: (T, 4) region in which the signer was searched, in pixels; None or NaN = unknown.
        several_people: whether more people than the signer were found.
        stated: size and rate of the frames, if the file itself contains them.
        skeleton: name of the skeleton in the file, if the format has several; else "".
        counted: whether `frame_index` only counts the frames, because the file has no frame numbers.
        warnings: warnings about the file.
    """

    keypoints: NDArray[np.floating]
    scores: NDArray[np.floating]
    frame_index: NDArray[np.int64]
    box: NDArray[np.floating] | None = None
    several_people: bool = False
    stated: FrameFacts | None = None
    skeleton: str = ""
    counted: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class WholeBodyImport:
    """Converts clips of imported keypoints to tracks, one after the other.

    Attributes:
        read: reads a clip's file or files; raises DataError or OSError.
        frames: provides the size and rate of the frames; None = a list or the result of `read` has them.
        estimator: name of the estimator to record if none is declared.
        assumed_fps: rate that the user gave, to record; None = the files contain it.
        reading: how the numbers are interpreted.
        skeleton: skeleton of the clips so far.
        raw_scores: lowest and highest raw score of the 49 keypoints so far, without missing ones.
    """

    read: Callable[[Clip], WholeBody]
    frames: FrameSource | None
    estimator: str = "mmpose-import"
    assumed_fps: float | None = None
    reading: Reading = PIXELS
    skeleton: str = field(default="")
    raw_scores: tuple[float, float] | None = field(default=None)

    def track(self, clip: Clip) -> tuple[PoseTrack, tuple[str, ...]]:
        """Import one clip.

        Scores are not scaled, only clipped to 0..1. A keypoint whose values are not finite is missing.

        Returns:
            its track, and warnings.

        Raises:
            DataError: if its file or its video cannot be used.
            OSError: if one of them cannot be read.
        """
        found = self.read(clip)
        stated = found.stated
        if stated is not None:
            width, height = self.reading.size(stated.width, stated.height)
            stated = replace(stated, width=width, height=height)
        facts = settle_facts(clip, stated, self.frames)
        self._one_skeleton(found.skeleton)
        index = found.frame_index
        if found.counted and clip.listed is not None and clip.listed.frames:
            index = parse_frames(clip.listed.frames, len(index))
        keypoints = self.reading.pixels(found.keypoints, facts.width, facts.height)
        scores, warning = missing_where_not_finite(keypoints, found.scores)
        track = PoseTrack.with_missing(
            _info(clip, facts, index, found.several_people),
            np.where(scores[..., None] > 0, keypoints, np.nan),
            np.clip(scores, 0, 1),
            index,
            index / facts.fps,
            None if found.box is None else self.reading.pixels(found.box, facts.width, facts.height),
        )
        known = scores[scores != 0]
        if known.size:
            self.raw_scores = unite_raw_scores([self.raw_scores, (float(known.min()), float(known.max()))])
        return track, (*found.warnings, *warning)

    def provenance(self, source: str, model: str) -> Provenance:
        """Return the provenance of the file, after all clips are imported.

        Args:
            source: format of the import.
            model: name of the model, if the user gave it; else "unknown".
        """
        estimator = self.reading.identity(
            self.estimator,
            model,
            {"source": f"{source} {self.skeleton}".strip()},
            "the model's own score, cut at 0 and 1",
        )
        size, fps = "from the files", "from the files"
        if self.frames is not None:
            size, fps = self.frames.size_setting, self.frames.fps_setting
        elif self.assumed_fps is not None:
            fps = f"assumed {self.assumed_fps:g}"
        notes = {"size": size, "fps": fps}
        return Provenance(estimator=estimator, notes=notes, raw_scores=self.raw_scores, tool_version=VERSION)

    def _one_skeleton(self, found: str) -> None:
        self.skeleton = self.skeleton or found
        if found != self.skeleton:  # a dataset has one estimator
            raise DataError(
                f"found the skeleton {found}, expected {self.skeleton} as in the first file",
                "Import each skeleton into a separate file",
            )

    def score_warning(self) -> str | None:
        """Return a warning about the scores of all clips together; None = none."""
        if self.raw_scores is None or self.raw_scores[1] <= _HIGHEST_HEATMAP_SCORE:
            return None
        return (
            f"scores reach {self.raw_scores[1]:.2f} and are clipped to 1, expected the heatmap scores of "
            "HRNet, which hardly exceed 1: a threshold such as 0.4 has another meaning here"
        )


def missing_where_not_finite(
    keypoints: NDArray[np.floating], scores: NDArray[np.floating]
) -> tuple[NDArray[np.floating], tuple[str, ...]]:
    """Set the score of keypoints that are not finite numbers to 0.

    Args:
        keypoints: (T, K, 2) positions in pixels.
        scores: (T, K) scores.

    Returns:
        (T, K) the scores, and a warning if there were such keypoints.
    """
    # Positions that are billions of pixels away are not valid either. NaN is not below the limit.
    finite = (np.abs(keypoints) < _FARTHEST).all(axis=-1) & np.isfinite(scores)
    count = int((~finite).sum())
    if count == 0:
        return scores, ()
    return np.where(finite, scores, 0), (
        f"{count:,} of {finite.size:,} keypoints are not finite numbers and were treated as missing",
    )


def _info(clip: Clip, facts: FrameFacts, index: NDArray[np.int64], several_people: bool) -> ClipInfo:
    end = int(index[-1]) + 1
    if facts.frames is not None and end - facts.frames > max(2, _FRAMES_BEYOND * facts.frames):
        raise DataError(
            f"there are keypoints up to frame {end}, expected no more than the {facts.frames} frames of "
            f"{facts.path}",
            "Check whether this video belongs to these keypoints",
        )
    listed = None if clip.listed is None else clip.listed.info
    return ClipInfo(
        clip.id,
        facts.path,
        clip.corpus,
        clip.gloss,
        clip.label,
        clip.split,
        clip.signer,
        fps=facts.fps,
        width=facts.width,
        height=facts.height,
        start=0 if listed is None else min(listed.start, int(index[0])),
        end=end if listed is None else max(listed.end, end),
        source_sha256=facts.sha256,
        several_people=several_people or (listed is not None and listed.several_people),
    )

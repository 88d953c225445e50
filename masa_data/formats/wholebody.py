"""Keypoints of a signer in somebody else's file to a track of ours."""

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

# A track may be longer than what its video promises by so much (containers are not exact), no more.
_FRAMES_BEYOND: Final = 0.1

_FARTHEST: Final = 1e9  # pixels

# HRNet's heatmap scores pass 1 by a few hundredths; the scores of SimCC models reach 10.
_HIGHEST_HEATMAP_SCORE: Final = 1.5


@dataclass(frozen=True, slots=True)
class WholeBody:
    """The signer's 49 of the 133 or other keypoints over T frames.

    Attributes:
        keypoints: (T, 49, 2) pixels; any value where the score is 0.
        scores: (T, 49) raw scores of the model; 0 = missing.
        frame_index: (T,) which source frames, counted from 0, increasing.
        box: (T, 4) where the signer was looked for, in pixels; None or NaN = not known.
        several_people: whether more people than the signer were seen.
        stated: size and rate of the frames, if the file itself says them.
        skeleton: what the file calls its keypoints, if there are several such; "" if not.
        counted: whether `frame_index` merely counts the frames, of which the file does not say the numbers.
        warnings: what is odd about the file.
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
    """Turns clips of others' keypoints into tracks, one after the other.

    Attributes:
        read: reads a clip's file or files; raises DataError or OSError.
        frames: knows the size and rate of the frames; None = a list or what `read` gives states them.
        estimator: what is recorded as the estimator's name if none is declared.
        assumed_fps: the rate that the user gave to `read`, to be recorded; None = the files state it.
        reading: how the numbers are to be taken.
        skeleton: of the clips so far.
        raw_scores: the lowest and the highest raw score of the 49 keypoints so far, missing ones apart.
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

        A score is kept as it is and cut at 0 and 1. A keypoint that is not a finite number is missing.

        Returns:
            its track, and what is odd about it.

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
        """What is recorded of the file, once all clips are imported.

        Args:
            source: the format that was imported.
            model: the model's name, if the user gave it; else "unknown".
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
        if found != self.skeleton:  # one dataset holds one estimator
            raise DataError(
                f"found the skeleton {found}, expected {self.skeleton} as in the first file",
                "Import each skeleton into a file of its own",
            )

    def score_warning(self) -> str | None:
        """What is odd about the scores of all clips together; None = nothing."""
        if self.raw_scores is None or self.raw_scores[1] <= _HIGHEST_HEATMAP_SCORE:
            return None
        return (
            f"scores reach {self.raw_scores[1]:.2f} and are cut at 1, expected the heatmap scores of HRNet, "
            "which hardly pass 1: a threshold such as 0.4 does not mean the same here"
        )


def missing_where_not_finite(
    keypoints: NDArray[np.floating], scores: NDArray[np.floating]
) -> tuple[NDArray[np.floating], tuple[str, ...]]:
    """Set the score of keypoints that are not finite numbers to 0.

    Args:
        keypoints: (T, K, 2).
        scores: (T, K).

    Returns:
        (T, K) the scores, and a warning if there were such keypoints.
    """
    # Nor is anything a coordinate that is billions of pixels away. NaN is not below either.
    finite = (np.abs(keypoints) < _FARTHEST).all(axis=-1) & np.isfinite(scores)
    count = int((~finite).sum())
    if count == 0:
        return scores, ()
    return np.where(finite, scores, 0), (
        f"{count:,} of {finite.size:,} keypoints are not finite numbers and were taken as missing",
    )


def _info(clip: Clip, facts: FrameFacts, index: NDArray[np.int64], several_people: bool) -> ClipInfo:
    end = int(index[-1]) + 1
    if facts.frames is not None and end - facts.frames > max(2, _FRAMES_BEYOND * facts.frames):
        raise DataError(
            f"there are keypoints up to frame {end}, expected no more than the {facts.frames} frames of "
            f"{facts.path}",
            "Look whether this video belongs to these keypoints",
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

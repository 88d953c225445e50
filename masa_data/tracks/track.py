"""PoseTrack: the keypoints and properties of one clip. Shapes and ranges are checked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.texts import printable
from masa_data.tracks.clip_info import INFO_FIELDS, MAX_TEXT, NAMES, NO_LABEL, SPLITS, ClipInfo
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.svg import Drawing, animate_frames, draw_frames

__all__ = ["INFO_FIELDS", "MAX_TEXT", "NAMES", "NO_LABEL", "SPLITS", "ClipInfo", "PoseTrack"]

_FPS_UNKNOWN = 25.0  # for an animation of frames without times and frame rate


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PoseTrack:
    """The 49 keypoints of one clip in its T kept frames.

    A keypoint with confidence 0 is missing, and its position is NaN.

    `len(track)` is T, and `track[10:20]` is a track of some of the frames. Two tracks are equal if all their
    values are equal, where NaN equals NaN. A notebook shows a track as a picture.

    Attributes:
        info: properties of the clip.
        keypoints: (T, 49, 2) float32, x right and y down in source pixels; NaN = missing.
        confidence: (T, 49) float32 in 0..1; 0 = missing.
        frame_index: (T,) int32, numbers of the kept source frames, counted from 0, increasing.
        time: (T,) float32, time of each kept frame in seconds from the start of the source; NaN if the source
            has no frame times (folders of images).
        box: (T, 4) float32, region in which the signer was searched: left, top, right, bottom in source
            pixels; NaN = unknown.
        estimator: estimator of the keypoints; None = unknown, for example for a track made by hand.

    Raises:
        DataError: on construction, if a shape, type or range is wrong.
    """

    info: ClipInfo
    keypoints: NDArray[np.float32]
    confidence: NDArray[np.float32]
    frame_index: NDArray[np.int32]
    time: NDArray[np.float32]
    box: NDArray[np.float32]
    estimator: EstimatorIdentity | None = None

    def __post_init__(self) -> None:
        frames = len(self.frame_index)
        for name, dtype, shape in (
            ("keypoints", np.float32, (frames, NUM_KEYPOINTS, 2)),
            ("confidence", np.float32, (frames, NUM_KEYPOINTS)),
            ("frame_index", np.int32, (frames,)),
            ("time", np.float32, (frames,)),
            ("box", np.float32, (frames, 4)),
        ):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise DataError(
                    f"clip {self.info.id!r}: {name} is {array.dtype} {array.shape}, "
                    f"expected {np.dtype(dtype)} {shape}",
                    "Convert it before making a PoseTrack",
                )
        if frames == 0:
            raise DataError(f"clip {self.info.id!r} has no frames", "Leave such clips out")
        if not (self.confidence.min() >= 0 and self.confidence.max() <= 1):  # also False for NaN
            raise DataError(
                f"clip {self.info.id!r}: confidence spans {self.confidence.min():g} to "
                f"{self.confidence.max():g}, expected 0 to 1",
                "Map the estimator's score to 0..1 first",
            )
        if not np.array_equal(_finite(self.keypoints), self.confidence > 0):
            raise DataError(
                f"clip {self.info.id!r}: a keypoint must be finite where its confidence is above 0, "
                "and NaN where it is 0",
                "Use PoseTrack.with_missing to set missing keypoints to NaN",
            )
        if self.frame_index[0] < 0 or not (self.frame_index[1:] > self.frame_index[:-1]).all():
            raise DataError(
                f"clip {self.info.id!r}: frame_index does not increase from 0 or more",
                "Give the kept frames in their order in the source",
            )

    @classmethod
    def with_missing(
        cls,
        info: ClipInfo,
        keypoints: NDArray[np.floating],
        confidence: NDArray[np.floating],
        frame_index: NDArray[np.integer],
        time: NDArray[np.floating],
        box: NDArray[np.floating] | None = None,
    ) -> PoseTrack:
        """Make a track from an estimator's arrays of any float type.

        A keypoint without a finite position gets confidence 0, and one with confidence 0 gets position NaN.

        Args:
            info: properties of the clip.
            keypoints: (T, 49, 2) positions in source pixels.
            confidence: (T, 49) confidence in 0..1.
            frame_index: (T,) numbers of the kept source frames.
            time: (T,) time of each frame in seconds.
            box: (T, 4) box in source pixels; None = unknown.

        Raises:
            DataError: if shapes or ranges are wrong.
        """
        finite = _finite(keypoints)
        known = finite & (confidence > 0)
        return cls(
            info,
            np.where(known[..., None], keypoints, np.nan).astype(np.float32),
            np.where(finite, confidence, 0).astype(np.float32),
            frame_index.astype(np.int32),
            time.astype(np.float32),
            np.full((len(frame_index), 4), np.nan, np.float32) if box is None else box.astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.frame_index)

    def __getitem__(self, frames: slice) -> PoseTrack:
        """Return a track of some of the frames, with their times and numbers in the source.

        If frames at the beginning or the end are left out, `info.start` and `info.end` are adjusted.

        Args:
            frames: a slice with a positive step: `track[10:20]`, `track[::2]`.

        Raises:
            TypeError: if it is not a slice; a single frame is `track[3:4]`.
            DataError: if no frame remains, or the step is negative.
        """
        if not isinstance(frames, slice):
            raise TypeError(f"a PoseTrack takes slices of frames, such as track[3:4], found {frames!r}")
        numbers = range(len(self))[frames]
        if numbers.step < 0 or not numbers:
            raise DataError(
                f"found the frames {frames.start}:{frames.stop}:{frames.step} of clip {self.info.id!r}, "
                f"which has {len(self)}, expected at least one frame and a positive step",
                "Choose other frames",
            )
        index = self.frame_index[frames]
        info = replace(
            self.info,
            start=self.info.start if numbers[0] == 0 else int(index[0]),
            end=self.info.end if numbers[-1] == len(self) - 1 else int(index[-1]) + 1,
        )
        return PoseTrack(
            info,
            self.keypoints[frames],
            self.confidence[frames],
            index,
            self.time[frames],
            self.box[frames],
            self.estimator,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PoseTrack):
            return NotImplemented
        return self.estimator == other.estimator and all(
            _same(getattr(mine, field.name), getattr(theirs, field.name))
            for mine, theirs in ((self.info, other.info), (self, other))
            for field in fields(mine)
            if field.name not in ("info", "estimator")
        )

    def plot(self, frames: int = 6) -> Drawing:
        """Draw some frames side by side, evenly distributed over the clip: body gray, hands in two colors.

        Args:
            frames: number of frames; a shorter clip is drawn completely.

        Returns:
            an SVG drawing, which a notebook shows and `save` writes.

        Raises:
            DataError: if the number of frames is below one.

        Example:
            >>> track.plot(frames=4).save("clip.svg")  # doctest: +SKIP
        """
        if frames < 1:
            raise DataError(f"found {frames} frames to draw, expected one or more", "Draw more frames")
        chosen = np.linspace(0, len(self) - 1, min(len(self), frames)).round().astype(int)
        captions = [
            f"{time:.2f} s" if np.isfinite(time) else f"frame {index}"
            for time, index in zip(self.time[chosen].tolist(), self.frame_index[chosen].tolist(), strict=True)
        ]
        return draw_frames(self.keypoints[chosen], captions, self._title)

    def animate(self) -> Drawing:
        """Draw all frames as an animation at the clip's speed, repeated endlessly.

        An animation of 60 frames takes about 100 KB. Frames without times use the clip's frame rate, or 25
        frames per second if it is unknown.

        Returns:
            an animated SVG drawing, which a notebook shows and `save` writes.

        Example:
            >>> track.animate().save("clip.svg")  # doctest: +SKIP
        """
        fps = self.info.fps if np.isfinite(self.info.fps) else _FPS_UNKNOWN
        time = self.time.astype(np.float64)
        steps = np.diff(time if np.isfinite(time).all() else self.frame_index / fps)
        last = float(np.median(steps)) if len(steps) else 1 / fps
        # Equal times must not cause an error.
        seconds = np.maximum(np.append(steps, last), 1e-3)
        return animate_frames(self.keypoints, seconds, self._title)

    @property
    def _title(self) -> str:
        gloss = self.info.gloss
        return f"{self.info.id} ({gloss})" if gloss else self.info.id

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._facts().items())
        return printable(f"<PoseTrack {self.info.id!r}: {facts}>".replace("\n", "?"))

    def _facts(self) -> dict[str, str]:
        info = self.info
        rate = f" at {info.fps:g} frames/s" if np.isfinite(info.fps) else ""
        found = float((self.confidence > 0).mean())
        facts = {
            "frames": f"{len(self):,}{rate}",
            "size": f"{info.width}×{info.height}",
            "keypoints found": f"{found:.0%}",
        }
        known = {name: str(getattr(info, name)) for name in ("gloss", "corpus", "split", "signer")}
        return {**facts, **{name: value for name, value in known.items() if value}}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(printable(value))}</td></tr>"
            for name, value in {"clip": self.info.id, **self._facts()}.items()
        )
        return f"<div>{self.plot().svg}<table>{rows}</table></div>"


def _same(mine: object, theirs: object) -> bool:
    """Return whether two numbers, texts or arrays are equal, where NaN equals NaN."""
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    return bool(np.array_equal(np.asarray(mine), np.asarray(theirs), equal_nan=True))


def _finite(keypoints: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return whether both coordinates of (…, 2) positions are finite, as (…). Faster than all(axis=-1)."""
    finite = np.isfinite(keypoints)
    return np.asarray(finite[..., 0] & finite[..., 1])

"""Frames of video files and of folders of numbered images, with their times."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from masa_data.disk.hashing import add_file
from masa_data.errors import DataError
from masa_data.tracks.provenance import Sampling
from masa_data.video.clock import FrameClock
from masa_data.video.container import READ_AGAIN, frame_rate, has_decoding_clock, open_video
from masa_data.video.decoder import Decoder
from masa_data.video.display import Display
from masa_data.video.images import numbered_images

# Frame rate that is assumed for a file that declares none.
_USUAL_RATE: Final = 25.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes:
        image: (height, width, 3) uint8, blue-green-red, with square pixels, rotated as the file declares.
        index: number of the frame in the source, from 0.
        time: time in seconds from the source's first frame; NaN = the source has no frame times.
    """

    image: NDArray[np.uint8]
    index: int
    time: float


@dataclass(slots=True)
class Video:
    """A clip's frames, decoded one by one on request.

    Iterate once. The properties of the source are known from the first frame on.

    Args:
        source: a video file or a folder of numbered images.
        start: first frame, from 0.
        end: one past the last frame; None = the end of the source.
        sampling: selection of these frames.
        seconds: range of times (the second None = the end) to which these frames are limited; a frame is in
            the range if more than half of it is. Only for sources with frame times.

    Attributes:
        fps: frames per second that the file declares; NaN = none.
        start_found: first frame of the range; known from the first frame on.
        end_found: one past the last existing frame of the range; known after the last frame.
        is_damaged: whether the decoder found damaged data; known after the last frame.
        warnings: warnings about the source; known after the last frame.

    Raises:
        DataError: while iterating, if the source cannot be decoded, is truncated, or has no frame in the
            range.
    """

    source: Path
    start: int = 0
    end: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    seconds: tuple[float, float | None] | None = None
    fps: float = math.nan
    start_found: int = 0
    end_found: int = 0
    is_damaged: bool = False
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        self.start_found = self.start
        frames = self._image_frames() if self.source.is_dir() else self._video_frames()
        kept = 0
        size: tuple[int, ...] | None = None
        for frame in frames:
            size = size or frame.image.shape
            if frame.image.shape != size:
                raise DataError(
                    f"frame {frame.index} is {frame.image.shape[1]}×{frame.image.shape[0]}, "
                    f"but the first frame is {size[1]}×{size[0]}",
                    "Make all frames of a clip the same size",
                )
            kept += 1
            yield frame
        if kept == 0:
            if self.end_found == 0:
                raise DataError("no frame can be decoded", READ_AGAIN)
            start = self.start if self.seconds is None else f"{self.seconds[0]:.2f} s"
            raise DataError(
                f"the source has {self.end_found} frames, none in the range from {start}",
                "Correct the clip's range",
            )
        if self.end is not None and self.end_found < self.end:
            self.warnings.append(f"the range ends at frame {self.end}, but the source at {self.end_found}")

    def _video_frames(self) -> Iterator[Frame]:
        with open_video(self.source) as (container, stream):
            self.fps = frame_rate(stream)
            display = Display(stream.sample_aspect_ratio)
            decoder = Decoder(self.source, container, stream)
            yield from self._decode(decoder, display, _clock(container, stream))
            self.is_damaged = decoder.lost > 0 or decoder.made_up > 0
            if self.end_found > 0:
                self.warnings += decoder.warnings()
            if display.warning:
                self.warnings.append(display.warning)

    def _decode(self, decoder: Decoder, display: Display, clock: FrameClock) -> Iterator[Frame]:
        after, until = _bounds(self.seconds, self.fps)
        choose = _Chooser(self.sampling)
        is_first = True
        for decoded in decoder:
            index, time = self.end_found, clock.time(decoded.pts, decoded.dts)
            if time > until:
                break
            self.end_found += 1
            if index >= self.start and time > after:
                if is_first:
                    self.start_found, is_first = index, False
                if choose.takes(index - self.start_found, time):
                    yield Frame(display.image(decoded), index, time)
            if self.end_found == self.end:
                break

    def _image_frames(self) -> Iterator[Frame]:
        images = numbered_images(self.source)
        if self.sampling.max_fps is not None:
            self.warnings.append("images have no frame times: the limit of frames per second was not applied")
        self.end_found = len(images) if self.end is None else min(self.end, len(images))
        choose = _Chooser(self.sampling)
        for index in range(self.start, self.end_found):
            if not choose.takes(index - self.start, math.nan):
                continue
            image = cv2.imdecode(np.fromfile(images[index], np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                self.warnings.append(f"{images[index].name} cannot be decoded and was left out")
                continue
            yield Frame(image.astype(np.uint8, copy=False), index, math.nan)


class _Chooser:
    """Decides which frames to keep."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._due = -math.inf

    def takes(self, number: int, time: float) -> bool:
        """Return whether to keep the frame `number` frames after the first, with its time in seconds."""
        if number % self._sampling.every:
            return False
        if self._sampling.max_fps is None or math.isnan(time):
            return True
        if time < self._due:
            return False
        # The next frame is due one period after this one was due, so that the average rate is correct; half
        # a millisecond is the tolerance for rounded time stamps.
        period = 1 / self._sampling.max_fps
        self._due = max(self._due + period, time + period / 2) if self._due > -math.inf else time + period
        self._due -= 0.0005
        return True


def _bounds(seconds: tuple[float, float | None] | None, fps: float) -> tuple[float, float]:
    """Return the times between which the first halves of a range's frames begin, without the first time."""
    if seconds is None:
        return -math.inf, math.inf
    half = 0.5 / (fps if fps > 0 else _USUAL_RATE)
    start, end = seconds
    return start - half, math.inf if end is None else end - half


def _clock(container: InputContainer, stream: VideoStream) -> FrameClock:
    rate = frame_rate(stream)
    return FrameClock(
        stream.time_base or Fraction(1, 90_000),
        1 / (rate if rate > 0 else _USUAL_RATE),
        by_decoding=has_decoding_clock(container),
    )


def source_sha256(source: Path) -> str:
    """Return the SHA-256 of a video file's bytes; for a folder of images, of their names and bytes in order.

    Raises:
        OSError: if it cannot be read.
    """
    digest = hashlib.sha256()
    files = numbered_images(source) if source.is_dir() else [source]
    for path in files:
        if source.is_dir():
            digest.update(path.name.encode() + b"\0")
        add_file(digest, path)
    return digest.hexdigest()

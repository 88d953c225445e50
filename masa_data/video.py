"""Frames out of video files and folders of numbered images, with the time at which each is shown."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.folder import numbered_images
from masa_data.errors import DataError
from masa_data.hashing import add_file
from masa_data.shards.spec import Sampling

# A container may promise a few frames more than there are (edit lists, cut streams). Beyond this share the
# file counts as truncated.
_MISSING_FRAMES_ALLOWED: Final = 0.1

# ffmpeg shall open these containers and nothing else: playlists disguised as videos can point anywhere.
_CONTAINERS: Final = "format_whitelist;mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"
_READ_AGAIN: Final = "Play the file to see whether it is whole; download or convert it again"


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes:
        image: (height, width, 3) uint8, blue-green-red as OpenCV gives it, rotated as the file asks.
        index: its number in the source, from 0.
        time: when it is shown, in seconds from the start of the source; NaN if the source has no clock.
    """

    image: NDArray[np.uint8]
    index: int
    time: float


@dataclass(slots=True)
class Video:
    """A clip's frames, decoded one by one as they are asked for.

    Iterate once. The properties of the source are known from the first frame on.

    Args:
        source: a video file or a folder of numbered images.
        start: first frame, from 0.
        end: one past the last frame, or None for the end of the source.
        sampling: which of these frames to keep.

    Attributes:
        fps: frames per second as the file states it; NaN if it does not.
        end_found: one past the last frame of the range that was there; known after the last frame.
        warnings: what is odd about the source; known after the last frame.

    Raises:
        DataError: while iterating, if the source cannot be decoded, is cut short, or has no frame in range.
    """

    source: Path
    start: int = 0
    end: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    fps: float = math.nan
    end_found: int = 0
    warnings: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Frame]:
        frames = self._image_frames() if self.source.is_dir() else self._video_frames()
        kept = 0
        size: tuple[int, ...] | None = None
        for frame in frames:
            size = size or frame.image.shape
            if frame.image.shape != size:
                raise DataError(
                    f"frame {frame.index} is {frame.image.shape[1]}×{frame.image.shape[0]}, "
                    f"the first was {size[1]}×{size[0]}",
                    "Make all frames of a clip the same size",
                )
            kept += 1
            yield frame
        if kept == 0:
            if self.end_found == 0:
                raise DataError("no frame can be decoded", _READ_AGAIN)
            raise DataError(
                f"the source has {self.end_found} frames, none in the range from {self.start}",
                "Correct the clip's range",
            )
        if self.end is not None and self.end_found < self.end:
            self.warnings.append(f"the range ends at frame {self.end}, the source at {self.end_found}")

    def _video_frames(self) -> Iterator[Frame]:
        capture = _open(self.source)
        try:
            fps = capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if 0 < fps < 1000 else math.nan
            promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            yield from self._decode(capture)
        finally:
            capture.release()
        cut_short = self.end is None or self.end_found < self.end
        missing = promised - self.end_found
        if cut_short and self.end_found > 0 and missing > max(2, _MISSING_FRAMES_ALLOWED * promised):
            raise DataError(
                f"only {self.end_found} of {promised:.0f} frames can be decoded: the file is damaged",
                _READ_AGAIN,
            )

    def _decode(self, capture: cv2.VideoCapture) -> Iterator[Frame]:
        last_time = -math.inf
        has_clock = True
        choose = _Chooser(self.sampling)
        while (self.end is None or self.end_found < self.end) and capture.grab():
            index = self.end_found
            self.end_found += 1
            if index < self.start:
                continue
            time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Some containers give no usable timestamps; frame number and rate stand in from there on.
            has_clock = has_clock and time > last_time
            if not has_clock:
                time = index / self.fps
            if choose.takes(index - self.start, time):
                decoded, image = capture.retrieve()
                if not decoded:
                    self.warnings.append(f"frame {index} cannot be decoded and was left out")
                    continue
                yield Frame(image.astype(np.uint8, copy=False), index, time)
            last_time = time

    def _image_frames(self) -> Iterator[Frame]:
        images = numbered_images(self.source)
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
    """Decides frame by frame which to keep."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._due = -math.inf

    def takes(self, number: int, time: float) -> bool:
        """Whether to keep the frame `number` frames after the first, shown at `time` seconds."""
        if number % self._sampling.every:
            return False
        if self._sampling.max_fps is None or math.isnan(time):
            return True
        if time < self._due:
            return False
        # The next frame is due one period after this one was, so that the rate is kept on average; half
        # a millisecond forgives rounded timestamps.
        period = 1 / self._sampling.max_fps
        self._due = max(self._due + period, time + period / 2) if self._due > -math.inf else time + period
        self._due -= 0.0005
        return True


def _open(source: Path) -> cv2.VideoCapture:
    if source.stat().st_size == 0:
        raise DataError("the file is empty (0 bytes)", "Download it again")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _CONTAINERS)
    # An absolute path cannot be taken for an address or a protocol.
    capture = cv2.VideoCapture(str(source.absolute()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        with source.open("rb") as file:
            is_text = b"\0" not in file.read(4096)
        what = (
            "the file is text, not a video" if is_text else "there is no video in it that OpenCV can decode"
        )
        raise DataError(what, _READ_AGAIN)
    return capture


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a source says of itself before it is decoded.

    Attributes:
        frames: how many it promises; a damaged file holds fewer.
        fps: frames per second; NaN if it has no clock.
        width: of the frames in pixels, after rotation.
        height: likewise.
    """

    frames: int
    fps: float
    width: int
    height: int


def probe_source(source: Path) -> SourceFacts:
    """Read a video's header, or count a folder's images and look at the first.

    Only a video whose header does not give the number of frames is read through.

    Raises:
        DataError: if there is no video or no image.
        OSError: if it cannot be read.
    """
    if source.is_dir():
        images = numbered_images(source)
        if not images:
            raise DataError("there are no numbered images in the folder", _READ_AGAIN)
        image = cv2.imdecode(np.fromfile(images[0], np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{images[0].name} cannot be decoded", _READ_AGAIN)
        return SourceFacts(len(images), math.nan, image.shape[1], image.shape[0])
    capture = _open(source)
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if frames <= 0:
            frames = 0
            while capture.grab():
                frames += 1
    finally:
        capture.release()
    if frames == 0 or width < 1 or height < 1:
        raise DataError("there is no frame in it", _READ_AGAIN)
    return SourceFacts(frames, fps if 0 < fps < 1000 else math.nan, int(width), int(height))


def source_sha256(source: Path) -> str:
    """SHA-256 of a video file's bytes; for a folder of images, of their names and bytes in order.

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

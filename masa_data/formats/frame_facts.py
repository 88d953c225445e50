"""Size and rate of the frames of imported keypoints: read from their videos, or given by the user."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from masa_data.corpora.annotations import is_plain_name
from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.video.endings import VIDEO_ENDINGS
from masa_data.video.facts import probe_source
from masa_data.video.frames import source_sha256

# Rates with a smaller difference are equal; they are written with fewer digits.
_SAME_RATE: Final = 1e-3
# Frames per second: a frame each quarter of an hour, and faster than any camera that films people.
SLOWEST, FASTEST = 0.001, 10_000.0
_SIZE: Final = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """Properties of the frames that keypoints do not contain.

    Attributes:
        path: path of the source of the clip's keypoints, as the user gave it.
        width: width of the frames in pixels.
        height: height of the frames in pixels.
        fps: frames per second; NaN = the source has no frame times.
        frames: number of frames that the source declares; None = unknown.
        sha256: SHA-256 of the source's bytes, in hex; "" = unknown.
    """

    path: str
    width: int
    height: int
    fps: float
    frames: int | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        if not (math.isnan(self.fps) or is_frame_rate(self.fps)):
            raise DataError(
                f"found {self.fps:g} frames/s, expected {SLOWEST:g} to {FASTEST:g}, or none",
                "Correct the source of this rate",
            )


def is_frame_rate(fps: float) -> bool:
    """Return whether a number can be the frame rate of a video; other rates give impossible times."""
    return SLOWEST <= fps <= FASTEST


class FrameSource(Protocol):
    """Provides size and rate of the frames of each clip."""

    @property
    def size_setting(self) -> str:
        """The origin of the size, as it is recorded in the file."""

    @property
    def fps_setting(self) -> str:
        """The origin of the frame rate, as it is recorded in the file."""

    def facts(self, clip: Clip) -> FrameFacts:
        """Return size and rate of the frames of one clip.

        Raises:
            DataError: if they are unknown.
            OSError: if the video cannot be read.
        """


@dataclass(frozen=True, slots=True)
class AssumedFrames:
    """The same size and rate for every clip, given by the user.

    Attributes:
        width: width in pixels.
        height: height in pixels.
        fps: frames per second.
    """

    width: int
    height: int
    fps: float

    @property
    def size_setting(self) -> str:
        """The origin of the size, as it is recorded in the file."""
        return f"assumed {self.width}x{self.height}"

    @property
    def fps_setting(self) -> str:
        """The origin of the frame rate, as it is recorded in the file."""
        return f"assumed {self.fps:g}"

    def facts(self, clip: Clip) -> FrameFacts:
        """Return size and rate of the frames of one clip."""
        return FrameFacts(clip.path, self.width, self.height, self.fps)


@dataclass(frozen=True, slots=True)
class VideoFolder:
    """The videos from which the keypoints were estimated.

    Attributes:
        root: folder that contains, for each clip ID, `ID.mp4` (or another extension), or a folder ID of
            numbered images; the folders in a clip's id may be missing.
    """

    root: Path

    @property
    def size_setting(self) -> str:
        """The origin of the size, as it is recorded in the file."""
        return "from videos"

    @property
    def fps_setting(self) -> str:
        """The origin of the frame rate, as it is recorded in the file."""
        return "from videos"

    def facts(self, clip: Clip) -> FrameFacts:
        """Return size and rate of the frames of one clip.

        Raises:
            DataError: if its video is missing or cannot be decoded.
            OSError: if the video cannot be read.
        """
        source = self._find(clip.id)
        found = probe_source(source)
        return FrameFacts(
            str(source), found.width, found.height, found.fps, found.frames, source_sha256(source)
        )

    def _find(self, clip_id: str) -> Path:
        parts = clip_id.split("/")
        if all(map(is_plain_name, parts)):
            for name in dict.fromkeys((clip_id, parts[-1])):
                for ending in ("", *sorted(VIDEO_ENDINGS), *sorted(map(str.upper, VIDEO_ENDINGS))):
                    source = self.root / (name + ending)
                    if source.is_dir() if ending == "" else source.is_file():
                        return source
        raise DataError(
            f"found no video {parts[-1]!a} in {self.root}, expected {clip_id!a} with extension mp4, avi, …",
            "Put it there, or give {size} and {fps} instead of {videos}",
            size=...,
            fps=...,
            videos=...,
        )


def settle_facts(clip: Clip, stated: FrameFacts | None, frames: FrameSource | None) -> FrameFacts:
    """Determine size and rate of the frames of a clip from all sources, which must agree.

    Args:
        clip: the clip; its `listed` contains the values of a list next to the file.
        stated: values in the file itself; None = none.
        frames: values of the user; None = none.

    Raises:
        DataError: if no source has them, or two sources disagree.
        OSError: if the video cannot be read.
    """
    listed = None
    if clip.listed is not None:
        info = clip.listed.info
        listed = FrameFacts(info.path, info.width, info.height, info.fps, sha256=info.source_sha256)
    said = None if frames is None else frames.facts(clip)
    facts = said or listed or stated
    if facts is None:
        raise _unknown([])
    for other, where in ((listed, "in clips.csv"), (stated, "in the file")):
        if other is not None and (other.width, other.height) != (facts.width, facts.height):
            raise DataError(
                f"found frames of {other.width}×{other.height} pixels {where}, expected the "
                f"{facts.width}×{facts.height} {_origin(facts, said)}",
                "Check whether this video belongs to these keypoints"
                if facts.sha256 and said
                else "Leave out {size}, because the files contain it; or remove clips.csv if it is wrong",
                size=...,
            )
    if listed is None or (said is not None and said.sha256):  # the video itself takes precedence
        return facts
    if said is not None and math.isfinite(listed.fps) and abs(said.fps / listed.fps - 1) > _SAME_RATE:
        raise DataError(
            f"found {listed.fps:g} frames/s in clips.csv, expected the {said.fps:g} of {{fps}}",
            "Leave out {size} and {fps}, because clips.csv contains them; or remove it if it is wrong",
            size=...,
            fps=...,
        )
    return listed if said is None or math.isfinite(listed.fps) else replace(listed, fps=said.fps)


def _origin(facts: FrameFacts, said: FrameFacts | None) -> str:
    if said is None:
        return "in clips.csv"
    return f"of {facts.path}" if facts.sha256 else "of {size}"


def parse_size(text: str) -> tuple[int, int]:
    """Parse width and height in a text like "640x360".

    Raises:
        DataError: if the text has another form.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise DataError(f"found the size {text!r}, expected WIDTHxHEIGHT", "Write it like 640x360")
    return int(match[1]), int(match[2])


def frame_source(
    videos: Path | None, size: tuple[int, int] | None, fps: float | None, *, known: bool = False
) -> FrameSource | None:
    """Choose the source of the frames' size and rate, if the input does not contain them.

    Args:
        videos: folder of the videos of the keypoints; None = not given.
        size: width and height in pixels; None = not given.
        fps: frames per second; None = not given.
        known: whether some input contains them, so that they need not be given.

    Returns:
        the chosen source; None if nothing was given and nothing is needed.

    Raises:
        DataError: if they are not given, or given twice.
    """
    given = {"videos": videos, "size": size, "fps": fps}
    names = [name for name, value in given.items() if value is not None]
    if known and not names:
        return None
    if videos is not None and names == ["videos"]:
        return VideoFolder(videos)
    if size is not None and fps is not None and videos is None:
        return AssumedFrames(*size, fps)
    raise _unknown(names)


def _unknown(given: list[str]) -> DataError:
    return DataError(
        "the keypoints do not contain the size and rate of their frames; found "
        f"{' and '.join(f'{{{name}}}' for name in given) or 'no option'} to give them",
        "Give {size} and {fps} together, or {videos} alone if that option exists",
        size=...,
        fps=...,
        videos=...,
    )

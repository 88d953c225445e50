"""How large and how fast the frames behind somebody's keypoints were: read from their videos, or assumed."""

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

# Rates that differ by less are the same, written with fewer digits.
_SAME_RATE: Final = 1e-3
# Frames per second: a frame each quarter of an hour, and faster than any camera that films people.
SLOWEST, FASTEST = 0.001, 10_000.0
_SIZE: Final = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What keypoints alone do not say.

    Attributes:
        path: the source that the clip's keypoints belong to, as the user gave it.
        width: of the frames, in pixels.
        height: likewise.
        fps: frames per second; NaN if the source has no clock.
        frames: how many the source promises; None = unknown.
        sha256: of the source's bytes, in hex; "" if unknown.
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
                "Correct it where it comes from",
            )


def is_frame_rate(fps: float) -> bool:
    """Return whether a number can be the frame rate of a video; outside, times of frames have no sense."""
    return SLOWEST <= fps <= FASTEST


class FrameSource(Protocol):
    """Knows the frames behind every clip."""

    @property
    def size_setting(self) -> str:
        """Where the size comes from, as it is recorded in the file."""

    @property
    def fps_setting(self) -> str:
        """Where the frame rate comes from, as it is recorded in the file."""

    def facts(self, clip: Clip) -> FrameFacts:
        """The frames of one clip.

        Raises:
            DataError: if they are not known.
            OSError: if the video cannot be read.
        """


@dataclass(frozen=True, slots=True)
class AssumedFrames:
    """The same size and rate for every clip, as the user says.

    Attributes:
        width: in pixels.
        height: in pixels.
        fps: frames per second.
    """

    width: int
    height: int
    fps: float

    @property
    def size_setting(self) -> str:
        """Where the size comes from, as it is recorded in the file."""
        return f"assumed {self.width}x{self.height}"

    @property
    def fps_setting(self) -> str:
        """Where the frame rate comes from, as it is recorded in the file."""
        return f"assumed {self.fps:g}"

    def facts(self, clip: Clip) -> FrameFacts:
        """The frames of one clip."""
        return FrameFacts(clip.path, self.width, self.height, self.fps)


@dataclass(frozen=True, slots=True)
class VideoFolder:
    """The videos that the keypoints were found in.

    Attributes:
        root: holds `ID.mp4` (or another ending), or a folder ID of numbered images, for each clip ID; the
            folders in front of a clip's name may be left out.
    """

    root: Path

    @property
    def size_setting(self) -> str:
        """Where the size comes from, as it is recorded in the file."""
        return "from videos"

    @property
    def fps_setting(self) -> str:
        """Where the frame rate comes from, as it is recorded in the file."""
        return "from videos"

    def facts(self, clip: Clip) -> FrameFacts:
        """The frames of one clip.

        Raises:
            DataError: if its video is not there or cannot be decoded.
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
            f"found no video {parts[-1]!a} in {self.root}, expected {clip_id!a} with the ending mp4, avi, …",
            "Put it there, or give {size} and {fps} instead of {videos}",
            size=...,
            fps=...,
            videos=...,
        )


def settle_facts(clip: Clip, stated: FrameFacts | None, frames: FrameSource | None) -> FrameFacts:
    """The frames of a clip, out of all that says something of them, which must say the same.

    Args:
        clip: what a list beside it says is in its `listed`.
        stated: what the file itself says; None = nothing.
        frames: what the user says; None = nothing.

    Raises:
        DataError: if nobody says it, or two contradict each other.
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
                "Look whether this video belongs to these keypoints"
                if facts.sha256 and said
                else "Leave {size} out, which the files say; or where they are wrong remove clips.csv",
                size=...,
            )
    if listed is None or (said is not None and said.sha256):  # a video knows itself best
        return facts
    if said is not None and math.isfinite(listed.fps) and abs(said.fps / listed.fps - 1) > _SAME_RATE:
        raise DataError(
            f"found {listed.fps:g} frames/s in clips.csv, expected the {said.fps:g} of {{fps}}",
            "Leave {size} and {fps} out, which clips.csv says; or remove it if it is wrong",
            size=...,
            fps=...,
        )
    return listed if said is None or math.isfinite(listed.fps) else replace(listed, fps=said.fps)


def _origin(facts: FrameFacts, said: FrameFacts | None) -> str:
    if said is None:
        return "in clips.csv"
    return f"of {facts.path}" if facts.sha256 else "of {size}"


def parse_size(text: str) -> tuple[int, int]:
    """Width and height out of "640x360".

    Raises:
        DataError: if it is none.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise DataError(f"found the size {text!r}, expected WIDTHxHEIGHT", "Give it like 640x360")
    return int(match[1]), int(match[2])


def frame_source(
    videos: Path | None, size: tuple[int, int] | None, fps: float | None, *, known: bool = False
) -> FrameSource | None:
    """Where the size and rate of the frames come from, if the input does not say them.

    Args:
        videos: the folder of the videos behind the keypoints; None = not given.
        size: width and height in pixels; None = not given.
        fps: frames per second; None = not given.
        known: whether some input says them, so that nothing need be given.

    Returns:
        what was given; None if nothing was and nothing need be.

    Raises:
        DataError: if they are not said, or two things say them.
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
        "keypoints do not say how large and how fast their frames were; found "
        f"{' and '.join(f'{{{name}}}' for name in given) or 'no option'} to say it",
        "Give {size} and {fps} together, or where that is an option {videos} alone",
        size=...,
        fps=...,
        videos=...,
    )

"""The frames of an open video file, with the number of lost frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from masa_data.errors import DataError
from masa_data.video.container import READ_AGAIN, packets
from masa_data.video.stated_size import USELESS_FROM, cut_off, is_useless

# The duration of a stream as Matroska's writers store it: "00:00:02.035000000".
_TIME_OF_DAY: Final = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class Decoder:
    """Decodes a file's frames one after the other; iterate once.

    Attributes:
        packets: number of frames read so far, including those that are only needed for others.
        lost: number of these frames that could not be decoded.
        made_up: number of damaged frames whose missing parts the decoder replaced.
        is_at_end: whether the file was read to its end.
    """

    def __init__(self, source: Path, container: InputContainer, stream: VideoStream) -> None:
        self.packets = self.lost = self.made_up = 0
        self.is_at_end = False
        self._ends_damaged = False
        self._until = 0.0  # end of the last frame in seconds of the container's own time
        self._source = source
        self._container = container
        self._stream = stream
        stream.thread_type = "AUTO"

    def __iter__(self) -> Iterator[VideoFrame]:
        for packet in packets(self._container, self._stream):
            self.packets += 1
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self.lost += 1
                continue
            self._ends_damaged = packet.is_corrupt
            for frame in decoded:
                yield self._counted(frame)
        try:
            rest = self._stream.codec_context.decode(None)
        except av.FFmpegError:
            self.lost += 1
        else:
            for frame in rest:
                yield self._counted(frame)
        self.is_at_end = True

    def _counted(self, frame: VideoFrame) -> VideoFrame:
        self.made_up += frame.is_corrupt
        self._ends_damaged |= frame.is_corrupt
        if frame.pts is not None and self._stream.time_base is not None:
            self._until = max(self._until, float((frame.pts + frame.duration) * self._stream.time_base))
        return frame

    def warnings(self) -> Iterator[str]:
        """Yield warnings about the part of the file that was read.

        Raises:
            DataError: if the file is too damaged to be used.
        """
        if self.lost > max(2, USELESS_FROM * self.packets):
            raise DataError(
                f"{self.lost} of {self.packets} frames cannot be decoded: the file is damaged", READ_AGAIN
            )
        if self.is_at_end:
            yield from self._cut_off()
        if self.lost:
            yield f"the decoder found damaged data: {self.lost} of {self.packets} frames were left out"
        elif self.made_up > self._ends_damaged:
            yield (
                f"the decoder found damaged data in {self.made_up} of {self.packets} frames and replaced it"
            )

    def _cut_off(self) -> Iterator[str]:
        fault = cut_off(self._source) or self._ended_early()
        if fault is None and self._ends_damaged:
            yield "the last frame is damaged: the file may be truncated"
        elif fault is not None:
            text, there = fault
            if is_useless(there):
                raise DataError(text, READ_AGAIN)
            yield text

    def _ended_early(self) -> tuple[str, float] | None:
        """Return a message and the existing share if the last frame is long before the video's end."""
        start = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
        end = self._stated_end(start)
        if end is None or end <= start:
            return None
        there = (self._until - start) / (end - start)
        # Durations may be rounded, or be one frame longer.
        if not (is_useless(there) or self._ends_damaged):
            return None
        text = (
            f"only {self._until - start:.2f} of {end - start:.2f} s exist: the file is truncated or damaged"
        )
        return text, there

    def _stated_end(self, start: float) -> float | None:
        """Return the end of this stream that the container declares, in its own time; None = not declared.

        For other containers, ffmpeg measures the length of the existing data, or includes the sound.
        """
        kind, is_alone = self._container.format.name, len(self._container.streams) == 1
        if kind == "mxf" and self._stream.duration and self._stream.time_base:
            return start + float(self._stream.duration * self._stream.time_base)
        length = self._container.duration / av.time_base if self._container.duration else None
        if kind.startswith("matroska"):
            tagged = _TIME_OF_DAY.fullmatch(self._stream.metadata.get("DURATION", ""))
            if tagged is not None:
                hours, minutes, seconds = tagged.groups()
                return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            return length if is_alone else None
        if kind == "flv" and length is not None and (is_alone or self._ends_damaged):
            return start + length
        return None

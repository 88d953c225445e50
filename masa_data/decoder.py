"""The frames of an opened video file, with a count of what was lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from masa_data.container import READ_AGAIN, packets
from masa_data.errors import DataError
from masa_data.stated_size import USELESS_FROM, cut_off, is_useless

# These say how long they are but not how large; other containers without a size are measured by ffmpeg at
# what is there.
_STATE_LENGTH_ONLY: Final = frozenset({"flv", "mxf"})


class Decoder:
    """Decodes a file's frames one after the other; iterate once.

    Attributes:
        packets: how many frames were read so far; those that are only needed for others count too.
        lost: how many of them could not be decoded.
        made_up: how many were damaged, and the decoder made up for what they lack.
        is_at_end: whether the file was read to its end.
    """

    def __init__(self, source: Path, container: InputContainer, stream: VideoStream) -> None:
        self.packets = self.lost = self.made_up = 0
        self.is_at_end = False
        self._ends_damaged = False
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
        return frame

    def warnings(self, seconds: float) -> Iterator[str]:
        """What is wrong with the file, as far as it was read.

        Args:
            seconds: how long the frames found are shown.

        Raises:
            DataError: if it is so much that the file is of no use.
        """
        if self.lost > max(2, USELESS_FROM * self.packets):
            raise DataError(
                f"{self.lost} of {self.packets} frames cannot be decoded: the file is damaged", READ_AGAIN
            )
        if self.is_at_end:
            yield from self._cut_off(seconds)
        if self.lost:
            yield f"the decoder met damaged data: {self.lost} of {self.packets} frames were left out"
        elif self.made_up > self._ends_damaged:
            yield (
                f"the decoder met damaged data in {self.made_up} of {self.packets} frames and made up for it"
            )

    def _cut_off(self, seconds: float) -> Iterator[str]:
        fault, there = cut_off(self._source), 1.0
        if fault:
            text, there = fault
        elif self._ends_damaged:
            text = "the last frame is damaged: the file may be cut off"
            if self._container.format.name in _STATE_LENGTH_ONLY and self._container.duration:
                stated = self._container.duration / av.time_base
                there = seconds / stated
                text = f"only {seconds:.2f} of {stated:.2f} s are there: the file is cut off"
        else:
            return
        if is_useless(there):
            raise DataError(text, READ_AGAIN)
        yield text

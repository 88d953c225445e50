"""Opening of video files as containers: the supported formats, and the choice of the stream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from masa_data.errors import DataError
from masa_data.video.stated_size import cut_off

# ffmpeg may open only these containers: playlists disguised as videos could refer to any address.
_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpeg,mpegvideo,mpegts,asf,flv,swf,ogg,mxf,dv"
# Maximum number of consecutive errors in a damaged file; after that it is given up.
_FAILED_READS: Final = 100

# A higher rate is the tick of the container's time base, not a frame rate.
_FASTEST: Final = 1000

READ_AGAIN: Final = "Play the file to check whether it is complete; download or convert it again"


@contextmanager
def open_video(source: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file and find the stream that a player would show.

    Raises:
        DataError: if it contains no video that can be decoded.
        OSError: if it cannot be read.
    """
    with source.open("rb") as file:  # has precise errors for files that cannot be read
        is_text = b"\0" not in (head := file.read(4096))
    if not head:
        raise DataError("the file is empty (0 bytes)", "Download it again")
    try:
        # An absolute path cannot be interpreted as an address or a protocol.
        container = av.open(
            f"file:{source.absolute()}",
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except av.FFmpegError:
        fault = cut_off(source)
        if is_text:
            what = "the file is text, not a video"
        elif fault is not None:  # the index of an MP4 may be at its end
            what = fault[0]
        else:
            what = "there is no video in it that can be decoded"
        raise DataError(what, READ_AGAIN) from None
    with container:
        yield container, _shown_stream(container)


def _shown_stream(container: InputContainer) -> VideoStream:
    found = container.streams.best("video")
    if not isinstance(found, VideoStream):
        raise DataError(
            "there is no video in it" + (", only sound" if container.streams.audio else ""), READ_AGAIN
        )
    if found.disposition & av.stream.Disposition.attached_pic:
        raise DataError("there is no video in it, only sound with a cover picture", READ_AGAIN)
    if found.codec_context is None:
        raise DataError("there is no video in it that can be decoded: its codec is unknown", READ_AGAIN)
    return found


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Yield the stream's readable packets that contain a frame which is shown or needed for another one.

    Empty packets ("no change") are skipped, because no decoder makes a frame of them.
    """
    failed = 0
    while failed < _FAILED_READS:
        try:
            for packet in container.demux(stream):
                if packet.size > 0:
                    failed = 0
                    yield packet
        except av.FFmpegError:  # continue after the damage
            failed += 1
        except IndexError:  # raised by PyAV at the end of a file in which damage looked like another stream
            return
        else:
            return


def frame_rate(stream: VideoStream) -> float:
    """Return the average frame rate that the file declares, in frames per second; NaN = none."""
    for stated in (stream.average_rate, stream.guessed_rate):
        if stated is not None and 0 < stated < _FASTEST:
            return float(stated)
    return math.nan


def has_decoding_clock(container: InputContainer) -> bool:
    """Return whether only decoding time stamps are valid: AVI has no others, and guessed ones decrease."""
    return container.format.name == "avi"


def let_decoder_print() -> None:
    """Allow ffmpeg to print errors to standard error; PyAV suppresses them by default."""
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)

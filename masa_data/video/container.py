"""Video files opened as containers: which of them are read at all, and which of their streams."""

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

# ffmpeg shall open these containers and nothing else: playlists disguised as videos can point anywhere.
_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpeg,mpegvideo,mpegts,asf,flv,swf,ogg,mxf,dv"
# A damaged file may fail at many places in a row; one that only fails is given up.
_FAILED_READS: Final = 100

# Beyond this a rate is the tick of the file's clock.
_FASTEST: Final = 1000

READ_AGAIN: Final = "Play the file to see whether it is whole; download or convert it again"


@contextmanager
def open_video(source: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file and find the stream in it that a player would show.

    Raises:
        DataError: if there is no video in it that can be decoded.
        OSError: if it cannot be read.
    """
    with source.open("rb") as file:  # says precisely what is wrong with a file that cannot be read
        is_text = b"\0" not in (head := file.read(4096))
    if not head:
        raise DataError("the file is empty (0 bytes)", "Download it again")
    try:
        # An absolute path cannot be taken for an address or a protocol.
        container = av.open(
            f"file:{source.absolute()}",
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except av.FFmpegError:
        fault = cut_off(source)
        if is_text:
            what = "the file is text, not a video"
        elif fault is not None:  # of an MP4 the end may be what says where its frames are
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
        raise DataError("there is no video in it that can be decoded: its codec is not known", READ_AGAIN)
    return found


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The stream's packets that hold a frame which is shown or needed for one, as far as they can be read.

    Of an empty packet ("as before") no decoder makes a frame.
    """
    failed = 0
    while failed < _FAILED_READS:
        try:
            for packet in container.demux(stream):
                if packet.size > 0:
                    failed = 0
                    yield packet
        except av.FFmpegError:  # go on behind the damage
            failed += 1
        except IndexError:  # PyAV, at the end of a file in which damage looked like one more stream
            return
        else:
            return


def frame_rate(stream: VideoStream) -> float:
    """Frames per second, on average, as the file states it; NaN if it does not."""
    for stated in (stream.average_rate, stream.guessed_rate):
        if stated is not None and 0 < stated < _FASTEST:
            return float(stated)
    return math.nan


def has_decoding_clock(container: InputContainer) -> bool:
    """Whether time stamps are those of decoding: AVI knows no others, and the ones guessed run backwards."""
    return container.format.name == "avi"


def let_decoder_print() -> None:
    """Let ffmpeg print to standard error what it finds wrong; PyAV keeps it silent."""
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)

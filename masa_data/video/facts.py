"""Properties of a source, found by decoding at most one frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.video.container import READ_AGAIN, frame_rate, has_decoding_clock, open_video, packets
from masa_data.video.decoder import Decoder
from masa_data.video.display import Display
from masa_data.video.images import numbered_images
from masa_data.video.stated_size import cut_off, is_useless


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """The properties of a source.

    Attributes:
        frames: number of frames.
        fps: frames per second; NaN = the source has no frame times.
        width: width of the frames in square pixels, after rotation.
        height: height of the frames in square pixels, after rotation.
        times: (frames,) float64, time of each frame in seconds from the first, accurate to about one frame;
            None = the source has no frame times.
        stretch: factors by which the stored frames are stretched in width and height, after rotation; (1, 1)
            for square pixels.
        fault: why the file can only be used in part; "" = it can be used completely.
    """

    frames: int
    fps: float
    width: int
    height: int
    times: NDArray[np.float64] | None = None
    stretch: tuple[float, float] = (1.0, 1.0)
    fault: str = ""


def probe_source(source: Path) -> SourceFacts:
    """Find the frames of a video, or count a folder's images and read the first.

    The first frame is decoded. The others are counted in the index of MP4 and QuickTime files; other files
    are read completely, because their headers may describe the longest stream or missing frames.

    Raises:
        DataError: if there is no video or no image.
        OSError: if it cannot be read.
    """
    if source.is_dir():
        return _image_facts(source)
    with open_video(source) as (container, stream):
        fps = frame_rate(stream)
        stamps = _indexed_stamps(source, container, stream)
        if stamps is None:
            stamps = [
                packet.dts if has_decoding_clock(container) or packet.pts is None else packet.pts
                for packet in packets(container, stream)
                if not packet.is_discard
            ]
        time_base = float(stream.time_base or 0)
    with open_video(source) as (container, stream):
        display = Display(stream.sample_aspect_ratio)
        first = next(iter(Decoder(source, container, stream)), None)
        if first is None or not stamps:
            raise DataError("there is no frame in it", READ_AGAIN)
        (width, height), stretch = display.size(first), display.stretch(first)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps):
        times = (np.sort(np.array(known, np.float64)) - min(known)) * time_base
    else:
        times = np.arange(len(stamps)) / (fps if fps > 0 else math.nan)
    fault = cut_off(source)
    is_fault = fault is not None and is_useless(fault[1])
    return SourceFacts(
        len(stamps), fps, width, height, times, stretch, fault[0] if fault and is_fault else ""
    )


def _indexed_stamps(source: Path, container: InputContainer, stream: VideoStream) -> list[int | None] | None:
    """Return the stamps of the existing frames in an MP4's index; None if the index is not sufficient."""
    entries = list(stream.index_entries) if container.format.name.startswith("mov") else []
    if len(entries) != stream.frames or any(entry.is_discard for entry in entries):
        # In a fragmented file, the index grows during reading. If an edit list removes frames, the stamps of
        # decoding, which are the only ones in the index, do not determine the times of the other frames.
        return None
    size = source.stat().st_size
    return [entry.timestamp for entry in entries if 0 < entry.size <= size - entry.pos] or None


def _image_facts(folder: Path) -> SourceFacts:
    images = numbered_images(folder)
    if not images:
        raise DataError("there are no numbered images in the folder", READ_AGAIN)
    image = cv2.imdecode(np.fromfile(images[0], np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{images[0].name} cannot be decoded", READ_AGAIN)
    return SourceFacts(len(images), math.nan, image.shape[1], image.shape[0])

"""Videos written by PyAV in many containers, to be read by the code under test."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# Ending: ffmpeg's name of the container, and a codec that lives in it.
CONTAINERS = {
    ".mp4": ("mp4", "libx264"),
    ".m4v": ("mp4", "mpeg4"),
    ".mov": ("mov", "libx264"),
    ".3gp": ("3gp", "mpeg4"),
    ".mkv": ("matroska", "libx264"),
    ".webm": ("webm", "libvpx"),
    ".avi": ("avi", "mpeg4"),
    ".mpg": ("mpeg", "mpeg2video"),
    ".mpeg": ("mpeg", "mpeg1video"),
    ".vob": ("vob", "mpeg2video"),
    ".ts": ("mpegts", "libx264"),
    ".m2ts": ("mpegts", "mpeg2video"),
    ".mts": ("mpegts", "libx264"),
    ".wmv": ("asf", "wmv2"),
    ".asf": ("asf", "msmpeg4"),
    ".flv": ("flv", "flv"),
    ".swf": ("swf", "flv"),
    ".ogv": ("ogg", "libvpx"),
    ".mxf": ("mxf", "mpeg2video"),
    ".dv": ("dv", "dvvideo"),
    ".gif": ("gif", "gif"),
}
_PIXELS = {"gif": "rgb8"}
DV_SIZE = (720, 576)


def write(
    path: Path,
    container: str,
    codec: str,
    images: Sequence[np.ndarray],
    *,
    ticks: Sequence[int] | None = None,
    pixel_shape: Fraction | None = None,
    rate: int = 25,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """A video of these (height, width, 3) red-green-blue images, shown at `ticks / rate` seconds."""
    height, width = images[0].shape[:2]
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=codec_options or {})
        stream.width, stream.height = width, height
        stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
        if pixel_shape is not None:
            stream.codec_context.sample_aspect_ratio = pixel_shape
        for tick, image in zip(ticks or range(len(images)), images, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def moving(frames: int, width: int = 160, height: int = 120) -> list[np.ndarray]:
    """Blocks of noise that move, so that frames differ and none is small."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    still = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    return [np.roll(still, 5 * number, 1) for number in range(frames)]


def write_as(path: Path, frames: int = 30, **options: object) -> Path:
    """A video in the container and codec of its ending."""
    container, codec = CONTAINERS[path.suffix]
    size = DV_SIZE if codec == "dvvideo" else (160, 120)
    return write(path, container, codec, moving(frames, *size), **options)  # type: ignore[arg-type]


def ring(width: int, height: int, pixel_shape: Fraction) -> np.ndarray:
    """A white ring as a camera with such pixels sees it: stored narrower or wider, shown round."""
    y, x = np.mgrid[:height, :width] + 0.5
    distance = np.hypot((x - width / 2) * float(pixel_shape), y - height / 2)
    radius = 0.35 * min(width * float(pixel_shape), height)
    white = np.clip(radius / 4 - np.abs(distance - radius), 0, 1) * 255
    return np.repeat(white.astype(np.uint8)[:, :, None], 3, axis=2)


def ring_shape(image: np.ndarray) -> float:
    """Width ÷ height of the ring in an image, from how far its pixels spread both ways."""
    y, x = np.nonzero(image.mean(axis=2) > 127)
    return float(x.std() / y.std())


def frames_and_times(path: Path) -> list[float]:
    """When an independent decoder shows each frame, in seconds from the first; damage is skipped."""
    times = []
    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            try:
                times += [frame.time for frame in packet.decode()]
            except av.FFmpegError:
                continue
    return [time - times[0] for time in times]

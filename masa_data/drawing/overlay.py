"""Pictures of a track: the skeleton over its source, as a video or as a sheet of frames."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from masa_data.disk.new_files import write_whole
from masa_data.drawing.movie import MOVIE_ENDINGS, write_movie
from masa_data.errors import DataError
from masa_data.tracks.skeleton import LEFT_HAND, RIGHT_HAND, seen_bones
from masa_data.tracks.track import PoseTrack
from masa_data.video.frames import Video

# Blue-green-red colors that color-blind people can distinguish (Okabe and Ito).
_BODY_COLOR: Final = (240, 240, 240)
_LEFT_COLOR: Final = (0, 159, 230)
_RIGHT_COLOR: Final = (233, 180, 86)
_BACKGROUND: Final = (45, 40, 38)

_SHEET_FRAMES: Final = 8
_SHEET_COLUMNS: Final = 4
_SHEET_TILE: Final = 360  # longer side of one frame on a sheet, in pixels
_SUBPIXEL_BITS: Final = 4

OVERLAY_ENDINGS: Final = (*MOVIE_ENDINGS, ".png")


def draw_skeleton(image: NDArray[np.uint8], keypoints: NDArray[np.floating]) -> None:
    """Draw limbs and keypoints into an image: body white, left hand orange, right hand blue.

    Args:
        image: (height, width, 3) blue-green-red, changed in place.
        keypoints: (49, 2) in the image's pixels; NaN = missing.
    """
    thickness = max(1, round(max(image.shape[:2]) / 300))
    seen = np.isfinite(keypoints).all(axis=1)
    # OpenCV cannot draw beyond 16-bit coordinates.
    fixed = np.nan_to_num(np.clip(keypoints, -3e4, 3e4)) * (1 << _SUBPIXEL_BITS)
    points = [(int(x), int(y)) for x, y in np.rint(fixed)]
    bones = seen_bones(seen)
    for outline in (True, False):  # dark outlines first, so that white lines are visible on white
        for first, second in bones:
            color = _BACKGROUND if outline else _color(second)
            width = thickness + 2 if outline else thickness
            cv2.line(image, points[first], points[second], color, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for number in np.flatnonzero(seen).tolist():
        radius = thickness << _SUBPIXEL_BITS
        cv2.circle(image, points[number], radius, _color(number), cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def write_overlay(track: PoseTrack, target: Path, source: Path | None, caption: str = "") -> str:
    """Draw a track over its source.

    Args:
        track: the track.
        target: .mp4, .webm or .gif for all kept frames, .png for a sheet of up to eight frames.
        source: the video or folder of images it was extracted from; None = a plain background.
        caption: text in every frame; characters beyond ASCII become "?", because OpenCV's fonts lack them.

    Returns:
        a message for the user about the output; "" = none.

    Raises:
        DataError: if the target has another extension, the source is another one, or it cannot be written.
        OSError: if the disk is full; an existing file is unchanged.
    """
    if target.suffix.lower() not in OVERLAY_ENDINGS:
        raise DataError(
            f"an overlay cannot be written as {target.suffix or 'a file without an extension'}",
            f"Use a file name that ends in {', '.join(MOVIE_ENDINGS)} or .png",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix.lower() in MOVIE_ENDINGS:
        return _write_video(track, target, source, caption)
    _write_sheet(track, target, source, caption)
    return ""


def _color(keypoint: int) -> tuple[int, int, int]:
    if LEFT_HAND.start <= keypoint < LEFT_HAND.stop:
        return _LEFT_COLOR
    if RIGHT_HAND.start <= keypoint < RIGHT_HAND.stop:
        return _RIGHT_COLOR
    return _BODY_COLOR


def _drawn_frames(
    track: PoseTrack, source: Path | None, numbers: set[int], longer_side: int | None, caption: str
) -> Iterator[NDArray[np.uint8]]:
    """Yield these frames of the track with the skeleton, scaled to `longer_side` unless it is None."""
    width, height = track.info.width, track.info.height
    scale = longer_side / max(width, height) if longer_side else 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    for number, image in _frames(track, source):
        if number in numbers:
            if (image.shape[1], image.shape[0]) != (width, height):
                raise DataError(
                    f"the source has frames of {image.shape[1]}×{image.shape[0]} pixels, "
                    f"but clip {track.info.id!r} was extracted from {width}×{height}",
                    "Give the video that it was extracted from",
                )
            drawn = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            draw_skeleton(drawn, track.keypoints[number] * np.float32(scale))
            _write_caption(drawn, caption)
            yield drawn


def _frames(track: PoseTrack, source: Path | None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield index in the track and image of every kept frame that the source has."""
    if source is None:
        plain = np.full((track.info.height, track.info.width, 3), _BACKGROUND, np.uint8)
        yield from ((number, plain.copy()) for number in range(len(track)))
        return
    places = {int(index): number for number, index in enumerate(track.frame_index)}
    for frame in Video(source, track.info.start, track.info.end):
        if frame.index in places:
            yield places[frame.index], frame.image


def _write_caption(image: NDArray[np.uint8], caption: str) -> None:
    text = caption.encode("ascii", "replace").decode()
    scale = max(image.shape[:2]) / 800
    for color, thickness in ((_BACKGROUND, 4), (_BODY_COLOR, 1)):  # a dark outline, as for the limbs
        place = (round(12 * scale), image.shape[0] - round(16 * scale))
        width = max(1, round(thickness * scale * 1.5))
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, width, cv2.LINE_AA)


def _write_video(track: PoseTrack, target: Path, source: Path | None, caption: str) -> str:
    step = float(np.median(np.diff(track.time))) if len(track) > 1 else math.nan
    rate = 1 / step if step > 0 else 25.0
    images = _drawn_frames(track, source, set(range(len(track))), None, caption)
    return write_movie(target, images, rate, len(track))


def _write_sheet(track: PoseTrack, target: Path, source: Path | None, caption: str) -> None:
    count = min(len(track), _SHEET_FRAMES)
    numbers = set(np.linspace(0, len(track) - 1, count).round().astype(int).tolist())
    tiles = list(_drawn_frames(track, source, numbers, _SHEET_TILE, caption))
    columns = min(len(tiles), _SHEET_COLUMNS)
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * height, columns * width, 3), _BACKGROUND, np.uint8)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
    encoded, data = cv2.imencode(".png", sheet)
    assert encoded
    write_whole(target, data.tobytes())

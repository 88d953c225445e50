from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from masa_data.video.endings import VIDEO_ENDINGS


@pytest.fixture
def render() -> Callable[..., Path]:
    """Writes a small video, or a folder of images if the path does not end as one."""

    def write(path: Path, frames: int = 12, fps: float = 25, size: tuple[int, int] = (64, 48)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(zlib.crc32(path.name.encode()))
        ground = generator.integers(0, 200, (size[1], size[0], 3)).astype(np.uint8)
        images = [np.roll(ground, number, axis=1) for number in range(frames)]
        if path.suffix not in VIDEO_ENDINGS:
            path.mkdir()
            for number, image in enumerate(images, 1):
                cv2.imwrite(str(path / f"image_{number:05d}.jpg"), image)
            return path
        codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(path), codec, fps, size)
        assert writer.isOpened()
        for image in images:
            writer.write(image)
        writer.release()
        return path

    return write

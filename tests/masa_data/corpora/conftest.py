from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("MASA_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """The folder of this name with real lists or videos; skips the test where it is absent."""

    def folder(name: str) -> Path:
        path = SHARED / name
        if not path.is_dir():
            pytest.skip(f"{path} is not there (set MASA_SHARED_DATA to the folder with {name})")
        return path

    return folder


@pytest.fixture
def render() -> Callable[..., Path]:
    """Writes a small video, or a folder of images if the path has no ending."""

    def write(path: Path, frames: int = 12, fps: float = 25, size: tuple[int, int] = (64, 48)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(abs(hash(path.name)) % 2**32)
        ground = generator.integers(0, 200, (size[1], size[0], 3)).astype(np.uint8)
        images = [np.roll(ground, number, axis=1) for number in range(frames)]
        if not path.suffix:
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

"""The header of a .pose file (pose-format, versions 0.1 and 0.2): names and number of its points.

Little-endian: version (f4); width, height, depth (u2 each); number of components (u2); for each component its
name and point format (texts: u2 bytes, UTF-8), the numbers of points, limbs and colors (u2 each), the points'
names, limbs (2 × u2) and colors (3 × u2). Then frames/s (u2, or f4 in 0.2), frames (u2, or u4 in 0.2) and
people (u2); after it (frames, people, points, dimensions) and (frames, people, points) of f4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Final

from masa_data.errors import DataError

WRITE_AGAIN: Final = "Read the file with a current pose-format and write it again, or leave it out"

_MAX_COMPONENTS: Final = 64
_MAX_POINTS: Final = 4096


@dataclass(frozen=True, slots=True)
class Component:
    """A group of points.

    Attributes:
        name: "BODY", "LEFT_HAND_LANDMARKS", …
        format: one letter per number: "XYC" or "XYZC".
        points: names of the points.
        limbs: pairs of points that are connected in pictures.
    """

    name: str
    format: str
    points: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PoseHeader:
    """The part of a .pose file before its numbers.

    Attributes:
        width: width of the frames in pixels.
        height: height of the frames in pixels.
        components: the points, in the order of the numbers.
        fps: frames per second.
        frames: number of frames.
        people: number of people in each frame.
    """

    width: int
    height: int
    components: tuple[Component, ...]
    fps: float
    frames: int
    people: int

    @property
    def points(self) -> int:
        """Number of points of each person."""
        return sum(len(component.points) for component in self.components)

    @property
    def dimensions(self) -> int:
        """Number of coordinates of each point."""
        return max(len(component.format) for component in self.components) - 1

    @property
    def body_bytes(self) -> int:
        """Number of bytes that follow the header."""
        return self.frames * self.people * self.points * (self.dimensions + 1) * 4

    @classmethod
    def read(cls, stream: IO[bytes]) -> PoseHeader:
        """Read a header; the position of the stream is then at the beginning of the numbers.

        Raises:
            DataError: if it is not a header, or has another version.
        """
        try:
            (version,) = _unpack(stream, "<f")
            if round(version, 3) not in (0.1, 0.2):
                raise DataError(
                    f"found version {version:g} of the .pose format, expected 0.1 or 0.2", WRITE_AGAIN
                )
            width, height, _, count = _unpack(stream, "<4H")
            if not 1 <= count <= _MAX_COMPONENTS:
                raise DataError(
                    f"found {count} components in the header, expected 1 to {_MAX_COMPONENTS}", WRITE_AGAIN
                )
            components = tuple(_read_component(stream) for _ in range(count))
            fps, frames, people = _unpack(stream, "<fIH" if round(version, 3) == 0.2 else "<HHH")
        except (EOFError, UnicodeDecodeError) as error:
            why = "ends early" if isinstance(error, EOFError) else "has names that are not UTF-8"
            raise DataError(f"found a header that {why}, expected a .pose file", "Get it again") from None
        header = cls(width, height, components, float(fps), frames, people)
        if not 1 <= header.points <= _MAX_POINTS or header.dimensions not in (2, 3):
            raise DataError(
                f"found {header.points} points of {header.dimensions} coordinates, expected up to "
                f"{_MAX_POINTS:,} of 2 or 3",
                WRITE_AGAIN,
            )
        return header

    def written(self) -> bytes:
        """Return the bytes of the header in version 0.2."""
        parts = [struct.pack("<f4H", 0.2, self.width, self.height, 0, len(self.components))]
        for component in self.components:
            counts = len(component.points), len(component.limbs), 0
            parts += [_text(component.name), _text(component.format), struct.pack("<3H", *counts)]
            parts += map(_text, component.points)
            parts += (struct.pack("<2H", *limb) for limb in component.limbs)
        parts.append(struct.pack("<fIH", self.fps, self.frames, self.people))
        return b"".join(parts)


def _read_component(stream: IO[bytes]) -> Component:
    name, point_format = _read_text(stream), _read_text(stream)
    points, limbs, colors = _unpack(stream, "<3H")
    names = tuple(_read_text(stream) for _ in range(points))
    joined = tuple(_unpack(stream, "<2H") for _ in range(limbs))
    _exactly(stream, colors * 6)
    return Component(name, point_format, names, joined)  # type: ignore[arg-type]  # two numbers each


def _unpack(stream: IO[bytes], layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, _exactly(stream, struct.calcsize(layout)))


def _read_text(stream: IO[bytes]) -> str:
    (length,) = _unpack(stream, "<H")
    return _exactly(stream, length).decode()


def _text(value: str) -> bytes:
    return struct.pack("<H", len(value.encode())) + value.encode()


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data

"""Pixels that are not square: a ring stays a ring, whatever their shape, however the frame is turned."""

import struct
from fractions import Fraction

import numpy as np
import pytest

from masa_data.drawing.overlay import write_overlay
from masa_data.tracks.box import Box, resolve_box
from masa_data.tracks.track import ClipInfo, PoseTrack
from masa_data.video.facts import probe_source
from masa_data.video.frames import Video
from tests.made_videos import ring, ring_shape, write

SHAPES = [(64, 45), (4, 3), (16, 15), (12, 11), (8, 9), (10, 11), (1, 2), (2, 1), (1, 1)]
TURNS = {
    "as it is": (1, 0, 0, 1),
    "to the right": (0, 1, -1, 0),
    "to the left": (0, -1, 1, 0),
    "upside down": (-1, 0, 0, -1),
    "mirrored": (-1, 0, 0, 1),
}


def write_ring(path, container, codec, shape, **options):
    images = [ring(240, 192, Fraction(*shape))] * 3
    return write(path, container, codec, images, pixel_shape=Fraction(*shape), **options)


def turn(path, matrix):
    """Write a display matrix into an mp4: x' = a·x + c·y, y' = b·x + d·y."""
    a, b, c, d = (value * 0x10000 for value in matrix)
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("container", "codec", "shape"),
    [
        *(("mp4", "libx264", shape) for shape in SHAPES),
        ("matroska", "mpeg4", (64, 45)),
        ("avi", "mpeg4", (12, 11)),
        ("mpegts", "libx264", (8, 9)),
        ("mpeg", "mpeg2video", (16, 15)),  # knows shapes of the whole picture only, 4:3 here
    ],
)
def test_a_ring_stays_a_ring(tmp_path, container, codec, shape):
    path = write_ring(tmp_path / "a", container, codec, shape)
    images = [frame.image for frame in Video(path)]
    assert ring_shape(images[0]) == pytest.approx(1, abs=0.01)
    facts = probe_source(path)
    assert (facts.width, facts.height) == (images[0].shape[1], images[0].shape[0])
    assert facts.width / facts.height == pytest.approx(240 / 192 * shape[0] / shape[1], rel=0.01)
    assert images[0].shape[1] >= 240  # nothing is thrown away
    assert images[0].shape[0] >= 192


@pytest.mark.parametrize("matrix", TURNS.values(), ids=TURNS)
def test_a_ring_stays_a_ring_when_the_frame_is_turned(tmp_path, matrix):
    path = write_ring(tmp_path / "a.mp4", "mp4", "libx264", (64, 45))
    (upright,) = list(Video(path, end=1))
    turn(path, matrix)
    (shown,) = list(Video(path, end=1))
    is_on_its_side = matrix[0] == 0
    assert (shown.image.shape[0] > shown.image.shape[1]) == is_on_its_side
    assert ring_shape(shown.image) == pytest.approx(1, abs=0.01)
    facts = probe_source(path)
    assert (facts.width, facts.height) == shown.image.shape[1::-1]
    across, down = facts.stretch
    assert (down if is_on_its_side else across) == pytest.approx(64 / 45, rel=0.01)
    assert upright.image.shape[:2] == (
        shown.image.shape[:2] if not is_on_its_side else shown.image.shape[1::-1]
    )


def test_turns_and_mirrors_put_every_corner_where_it_belongs(tmp_path):
    corners = np.zeros((48, 64, 3), np.uint8)
    corners[:24, :32], corners[:24, 32:], corners[24:, :32] = 60, 120, 180  # and black, right below
    for name, (a, b, c, d) in TURNS.items():
        path = write(tmp_path / "a.mp4", "mp4", "mpeg4", [corners])
        turn(path, (a, b, c, d))
        (frame,) = list(Video(path))
        height, width = frame.image.shape[:2]
        for x, y, value in ((-1, -1, 60), (1, -1, 120), (-1, 1, 180), (1, 1, 0)):
            column = width // 2 + (a * x + c * y) * width // 4
            row = height // 2 + (b * x + d * y) * height // 4
            assert abs(int(frame.image[row, column].mean()) - value) < 12, name


def test_a_shape_that_cannot_be_is_said_and_ignored(tmp_path):
    path = write(
        tmp_path / "a.mkv", "matroska", "mpeg4", [ring(240, 192, Fraction(1))], pixel_shape=Fraction(1, 40)
    )
    video = Video(path)
    assert next(iter(video)).image.shape == (192, 240, 3)
    list(video := Video(path))
    assert video.warnings == ["the file's pixels of 1:40 are ignored"]


def test_pixels_that_are_nearly_square_are_left_alone(tmp_path):
    path = write(
        tmp_path / "a.mp4", "mp4", "libx264", [ring(240, 192, Fraction(1))], pixel_shape=Fraction(321, 320)
    )
    assert next(iter(Video(path))).image.shape == (192, 240, 3)


def test_the_overlay_of_a_ring_is_a_ring(tmp_path):
    path = write_ring(tmp_path / "a.mp4", "mp4", "libx264", (64, 45))
    frames = list(Video(path))
    height, width = frames[0].image.shape[:2]
    info = ClipInfo("a", str(path), fps=25.0, width=width, height=height, end=3)
    nowhere = np.full((3, 49, 2), np.nan), np.zeros((3, 49)), np.arange(3), np.arange(3) / 25
    track = PoseTrack.with_missing(info, *nowhere, np.full((3, 4), np.nan))
    write_overlay(track, tmp_path / "o.mp4", path)
    drawn = list(Video(tmp_path / "o.mp4"))
    assert len(drawn) == 3
    assert drawn[0].image.shape[:2] == (height // 2 * 2, width // 2 * 2)
    for frame in drawn:
        assert ring_shape(frame.image) == pytest.approx(1, abs=0.01)


def test_a_box_in_pixels_is_stretched_as_its_frame_is(tmp_path):
    path = write_ring(tmp_path / "a.mp4", "mp4", "libx264", (4, 3))
    facts = probe_source(path)
    # Drawn on the 240 x 192 pixels that are stored, the left half; 320 are shown.
    left = Box(0, 0, 120, 192, "pixel").stretched(*facts.stretch)
    crop = resolve_box(left, facts.width, facts.height)
    assert (crop.x0, crop.x1, crop.y1, crop.case) == (0, 160, 192, "cropped")
    share = Box(0, 0, 0.5, 1, "share", 1.25)
    assert share.stretched(*facts.stretch) == share


def test_real_files_of_other_pixels_have_the_proportions_of_their_originals(shared_data):
    square = next(iter(Video(shared_data / "hard_inputs/07-anamorphic/square.mp4"))).image
    other = next(iter(Video(shared_data / "hard_inputs/07-anamorphic/ana.mp4"))).image
    assert other.shape == square.shape
    assert np.abs(other.astype(int) - square).mean() < 6
    assert next(iter(Video(shared_data / "video_hard/anamorphic.mp4"))).image.shape == (576, 1024, 3)

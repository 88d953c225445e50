from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masa_data.tracks.box import Box, Crop, resolve_box

shares = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: pair[0] < pair[1])


@given(shares, shares, st.integers(1, 4000), st.integers(1, 4000), st.sampled_from([16 / 9, 4 / 3, 0.5]))
def test_a_crop_has_pixels_and_stays_in_the_frame(across, down, width, height, shape):
    box = Box(across[0], down[0], across[1], down[1], "share", shape)
    crop = resolve_box(box, width, height)
    assert 0 <= crop.x0 < crop.x1 <= width
    assert 0 <= crop.y0 < crop.y1 <= height


@pytest.mark.parametrize(
    ("box", "width", "height", "expected"),
    [
        (None, 640, 360, Crop(0, 0, 640, 360, "whole")),
        (Box(0.25, 0.1, 0.75, 1.0, "share", 16 / 9), 640, 360, Crop(160, 36, 480, 360, "cropped")),
        # The same video fetched at another resolution.
        (Box(0.25, 0.1, 0.75, 1.0, "share", 16 / 9), 1280, 720, Crop(320, 72, 960, 720, "cropped")),
        # A clip that somebody cropped already has the box's shape, 320 × 324.
        (Box(0.25, 0.1, 0.75, 1.0, "share", 16 / 9), 320, 324, Crop(0, 0, 320, 324, "already")),
        (Box(0, 0, 1, 1, "share", 16 / 9), 640, 360, Crop(0, 0, 640, 360, "whole")),
        (Box(385, 37, 885, 720, "pixel"), 1280, 720, Crop(385, 37, 885, 720, "cropped")),
        (Box(385, 37, 885, 721, "pixel"), 1280, 720, Crop(385, 37, 885, 720, "cropped")),
        (Box(385, 37, 885, 720, "pixel"), 640, 360, Crop(0, 0, 640, 360, "other size")),
    ],
)
def test_boxes(box, width, height, expected):
    assert resolve_box(box, width, height) == expected

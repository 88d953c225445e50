from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masa_data.corpora.ranges import MIN_FRAMES, DeclaredRange, Range, range_note, resolve_range

times = st.floats(0, 1000, allow_nan=False)
declared_ranges = st.builds(
    lambda start, length, fps: DeclaredRange(start, None if length is None else start + length, fps),
    times,
    st.none() | times,
    st.sampled_from([23.976, 25, 29.97, 30, 60]),
)
rates = st.sampled_from([10, 23.976, 25, 29.97, 30, 50, 60, math.nan])


@given(
    st.none() | declared_ranges,
    rates,
    st.integers(0, 5000),
    st.sampled_from(["auto", "cut", "raw"]),
    st.sampled_from([None, True, False]),
)
def test_a_range_never_leaves_the_file_and_says_how_it_came_about(declared, fps, frames, mode, already_cut):
    found = resolve_range(declared, fps, frames, mode, already_cut)
    assert 0 <= found.start <= found.end <= frames
    assert (len(found) == 0) == (found.case == "empty")
    if found.case in ("whole", "cut"):
        assert (found.start, found.end) == (0, frames)
    if len(found) < MIN_FRAMES or found.case in ("clamped", "empty"):
        assert range_note(found, frames)
    else:
        assert range_note(found, frames) is None


@given(declared_ranges, rates, st.integers(1, 5000))
def test_what_the_user_says_goes_before_name_and_length(declared, fps, frames):
    for already_cut in (None, True, False):
        assert resolve_range(declared, fps, frames, "cut", already_cut).case in ("cut", "whole")
        assert resolve_range(declared, fps, frames, "raw", already_cut).case != "cut"


@given(st.integers(1, 3000), st.integers(8, 200), st.integers(0, 500), st.sampled_from([25, 30, 50]))
def test_a_clip_that_was_cut_exactly_is_taken_whole_and_one_cut_out_of_a_recording_is_exact(
    first, length, rest, fps
):
    declared = DeclaredRange.of_frames(first, first + length - 1, 25)
    cut = round(length * fps / 25)
    assert resolve_range(declared, fps, cut) == Range(0, cut, "cut")
    out = resolve_range(declared, 25, first - 1 + length + rest, "raw")
    assert out == Range(first - 1, first - 1 + length, "raw")


@pytest.mark.parametrize(
    ("first", "last", "fps", "frames", "expected"),
    [
        # 1-based, both ends included: frames 11 to 60 are 10..59.
        (11, 60, 25, 500, Range(10, 60, "raw")),
        # The same at 30 frames a second.
        (11, 60, 30, 500, Range(12, 72, "raw")),
        (11, 60, 60, 5000, Range(24, 144, "raw")),
        # -1 is the last frame.
        (1, None, 25, 80, Range(0, 80, "whole")),
        (3, None, 25, 80, Range(2, 80, "raw")),
        # A real row: 2150 to 2249 of a recording; the cut file has 100 frames.
        (2150, 2249, 25, 100, Range(0, 100, "cut")),
        (2150, 2249, 29.97, 120, Range(0, 120, "cut")),
        # Too short to hold the start, and not as long as the range either.
        (2150, 2249, 25, 40, Range(0, 40, "cut")),
        # About as long.
        (5, 104, 25, 108, Range(0, 108, "cut")),
        (5, 104, 25, 111, Range(4, 104, "raw")),
        # Cut by frame numbers from a 30 fps video without asking for its rate.
        (20, 100, 30, 81, Range(0, 81, "cut")),
        # Past the end.
        (101, 200, 25, 150, Range(100, 150, "clamped")),
        (101, 200, 25, 103, Range(0, 103, "cut")),
        (101, 200, 25, 106, Range(0, 106, "cut")),
        (146, 400, 25, 150, Range(145, 150, "clamped")),
    ],
)
def test_frames_of_lists_at_25_a_second(first, last, fps, frames, expected):
    assert resolve_range(DeclaredRange.of_frames(first, last, 25), fps, frames) == expected


def test_the_name_decides_before_the_length_does():
    declared = DeclaredRange(1.1, 3.67, 29.97)
    assert resolve_range(declared, 30, 105, already_cut=True) == Range(0, 105, "cut")
    assert resolve_range(declared, 30, 80, already_cut=False) == Range(33, 80, "clamped")
    assert resolve_range(declared, 30, 20, already_cut=False).case == "empty"


def test_frames_without_a_clock_run_at_the_rate_of_the_list():
    assert resolve_range(DeclaredRange(2, 4, 30), math.nan, 600) == Range(60, 120, "raw")


def test_the_same_start_and_end_can_only_be_had_as_a_cut_clip():
    declared = DeclaredRange(133.7, 133.7, 29.97)
    assert resolve_range(declared, 29.97, 60) == Range(0, 60, "cut")
    assert resolve_range(declared, 29.97, 9000).case == "empty"


@pytest.mark.parametrize(("start", "end"), [(6.0, 7.3), (0.4, 2.0), (4.9, 5.6), (9.0, 9.99)])
def test_seconds_are_looked_up_on_the_clock(start, end):
    # Ten frames a second for five seconds, then thirty.
    shown = np.concatenate([np.arange(50) / 10, 5 + np.arange(150) / 30])
    found = resolve_range(DeclaredRange(start, end, 30), 200 / 10, 200, "raw", times=shown)
    half = 0.5 / 20
    assert shown[found.start] - start > -half
    assert shown[found.start] - start < 0.1
    assert shown[found.end - 1] <= end
    assert found.seconds == (start, end)


@given(
    declared_ranges,
    st.sampled_from([10, 25, 29.97, 60]),
    st.integers(1, 2000),
    st.sampled_from(["auto", "raw"]),
)
def test_an_even_clock_is_as_good_as_a_rate(declared, fps, frames, mode):
    by_rate = resolve_range(declared, fps, frames, mode)
    by_clock = resolve_range(declared, fps, frames, mode, times=np.arange(frames) / fps)
    assert by_rate == by_clock


def test_whether_a_file_is_cut_is_asked_of_its_clock_too():
    declared = DeclaredRange(6.0, 7.3, 30)
    # 1.3 seconds in 13 frames are the clip; 39 frames in 4 seconds are not, but as many as were asked for.
    slow = np.arange(13) / 10
    assert resolve_range(declared, 10, 13, times=slow).case == "cut"
    longer = np.arange(100) / 10
    assert resolve_range(declared, 10, 100, times=longer).case == "raw"


def test_notes_name_what_was_found_and_expected():
    assert range_note(Range(145, 150, "clamped"), 150) == (
        "the clip has only 5 frames, expected at least 8: the range ends past the file's last frame and was "
        "clamped to 145–150"
    )
    assert range_note(Range(0, 5, "whole"), 5) == "the clip has only 5 frames, expected at least 8"

"""What a training says about the time it takes."""

import pytest
from masa_cli.training_pace import Pace, duration, speed

SLOW = "Take a smaller one."


def told(seconds_a_step, steps, *, clips=64):
    """Lines said in the first minute of a run whose steps take so long."""
    now = [0.0]
    pace = Pace(clips, SLOW, lambda: now[0])
    lines = []
    for step in range(1, 1 + max(1, int(60 / seconds_a_step))):
        now[0] += seconds_a_step
        pace.note(step, steps)
        lines.append(pace.estimate())
    return [line for line in lines if line]


def test_a_run_of_weeks_says_so_once_after_its_first_steps():
    assert told(200, 400 * 152) == [f"About 141 days left, at 0.3 clips/s. {SLOW}"]
    assert told(4, 30_000) == ["About 33:19:48 left, at 16 clips/s. Take a smaller one."]
    assert told(4, 9_000) == ["About 9:59:48 left, at 16 clips/s."]


def test_a_short_run_says_nothing():
    assert told(1, 1_000) == []
    assert told(0.05, 50_000) == []


def test_what_was_done_before_a_stop_took_no_time():
    now = [0.0]
    pace = Pace(10, clock=lambda: now[0])
    assert (pace.clips_per_second, pace.left) == (0, 0)
    for step in (901, 902):
        now[0] += 2
        pace.note(step, 1_000)
    assert (pace.clips_per_second, pace.left) == (5, 196)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00"),
        (59.6, "0:01:00"),
        (3_725, "1:02:05"),
        (172_799, "47:59:59"),
        (86_400 * 23.4, "23 days"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_speeds():
    assert [speed(value) for value in (0.04, 9.94, 12.4, 12_345)] == [
        "0.0 clips/s",
        "9.9 clips/s",
        "12 clips/s",
        "12,345 clips/s",
    ]

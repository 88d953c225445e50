"""The speed of a training and the time that is left, as numbers and as text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_DAY: Final = 86_400.0
# After this time, the speed of the first steps is a good estimate for the others.
_SECONDS_BEFORE_ESTIMATE: Final = 10.0
_WORTH_SAYING: Final = 3_600.0


class Pace:
    """The speed of a run since it was started or resumed.

    Args:
        clips: number of clips per step, over all processes.
        slow: hint to add to the estimate if the run will take more than a day; "" = no hint.
        clock: function that returns the time in seconds.
    """

    def __init__(self, clips: int, slow: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._clips, self._slow, self._clock = clips, slow, clock
        self._began = self._now = clock()
        self._first: int | None = None
        self._made = self._to_go = 0
        self._estimated = False

    def note(self, step: int, steps: int) -> None:
        """Note that a step was made.

        Args:
            step: number of steps made so far, including those before the run was resumed.
            steps: number of steps of the whole run.
        """
        self._now = self._clock()
        if self._first is None:
            self._first = step - 1
        self._made, self._to_go = step - self._first, steps - step

    @property
    def clips_per_second(self) -> float:
        """Average number of clips per second; 0 before the first step."""
        return self._made * self._clips / max(self._now - self._began, 1e-9)

    @property
    def left(self) -> float:
        """Estimated number of seconds left."""
        return self._to_go * (self._now - self._began) / max(self._made, 1)

    def estimate(self) -> str:
        """Return the estimated time once, after the first steps, if it is more than an hour; else ""."""
        if self._estimated or self._now - self._began < _SECONDS_BEFORE_ESTIMATE or not self._made:
            return ""
        self._estimated = True
        if self.left < _WORTH_SAYING:
            return ""
        text = f"About {duration(self.left)} left, at {speed(self.clips_per_second)}."
        return f"{text} {self._slow}" if self._slow and self.left > _DAY else text


def duration(seconds: float) -> str:
    """A duration as text: "0:03:20" or "26:10:00"; from two days on "3 days"."""
    if seconds >= 2 * _DAY:
        return f"{seconds / _DAY:,.0f} days"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def speed(clips_per_second: float) -> str:
    """A speed as text: "120 clips/s" or "0.4 clips/s"."""
    digits = 0 if clips_per_second >= 10 else 1
    return f"{clips_per_second:,.{digits}f} clips/s"

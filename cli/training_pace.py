"""How long a training still takes, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_DAY: Final = 86_400.0
# After so long, the first steps say enough about the others.
_SECONDS_BEFORE_ESTIMATE: Final = 10.0
_WORTH_SAYING: Final = 3_600.0


class Pace:
    """The speed of a run since it was begun or went on.

    Args:
        clips: of a step, over all processes.
        slow: what to say besides where the run will take more than a day; "" = nothing.
        clock: gives seconds.
    """

    def __init__(self, clips: int, slow: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._clips, self._slow, self._clock = clips, slow, clock
        self._began = self._now = clock()
        self._first: int | None = None
        self._made = self._to_go = 0
        self._estimated = False

    def note(self, step: int, steps: int) -> None:
        """A step has been made.

        Args:
            step: steps made, those of earlier sittings among them.
            steps: of the whole run.
        """
        self._now = self._clock()
        if self._first is None:
            self._first = step - 1
        self._made, self._to_go = step - self._first, steps - step

    @property
    def clips_per_second(self) -> float:
        """On average; 0 before the first step."""
        return self._made * self._clips / max(self._now - self._began, 1e-9)

    @property
    def left(self) -> float:
        """Seconds to go."""
        return self._to_go * (self._now - self._began) / max(self._made, 1)

    def estimate(self) -> str:
        """Once, when the first steps tell it, a line about a run that takes more than an hour; else ""."""
        if self._estimated or self._now - self._began < _SECONDS_BEFORE_ESTIMATE or not self._made:
            return ""
        self._estimated = True
        if self.left < _WORTH_SAYING:
            return ""
        text = f"About {duration(self.left)} to go, at {speed(self.clips_per_second)}."
        return f"{text} {self._slow}" if self._slow and self.left > _DAY else text


def duration(seconds: float) -> str:
    """As "0:03:20" or "26:10:00"; from two days on as "3 days"."""
    if seconds >= 2 * _DAY:
        return f"{seconds / _DAY:,.0f} days"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def speed(clips_per_second: float) -> str:
    """As "120 clips/s" or "0.4 clips/s"."""
    digits = 0 if clips_per_second >= 10 else 1
    return f"{clips_per_second:,.{digits}f} clips/s"

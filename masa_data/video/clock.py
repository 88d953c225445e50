"""When each frame of a video is shown, whatever its container makes of time."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

# Frames whose stamps are equal or a little out of order still follow one another.
_LEAST_STEP: Final = 0.0005
# A stamp further back than this, in seconds, is no disorder: the clock was set anew, as where files were
# joined.
_SET_BACK: Final = 1.0


class FrameClock:
    """Gives times in seconds that start from 0 and always increase.

    Args:
        time_base: seconds of one tick of the stamps.
        period: seconds between frames, as the file states it; stands in where stamps lack.
        by_decoding: whether the stamps of decoding count rather than those of presentation.

    Attributes:
        period: as given.
    """

    def __init__(self, time_base: Fraction, period: float, *, by_decoding: bool) -> None:
        self._tick = float(time_base)
        self.period = period
        self._by_decoding = by_decoding
        self._zero: float | None = None  # the stamp of time 0
        self._last: float | None = None

    def time(self, presented: int | None, decoded: int | None) -> float:
        """When the next frame is shown.

        Args:
            presented: its stamp of presentation, in ticks.
            decoded: its stamp of decoding, likewise.
        """
        stamp = decoded if self._by_decoding or presented is None else presented
        self._last = time = self._next(stamp)
        return time

    def _next(self, stamp: int | None) -> float:
        if self._last is None:
            self._zero = stamp
            return 0.0
        expected = self._last + self.period
        if stamp is None:
            return expected
        time = (stamp - self._zero) * self._tick if self._zero is not None else None
        if time is None or self._last - time > _SET_BACK:
            self._zero = stamp - expected / self._tick
            return expected
        return max(time, self._last + _LEAST_STEP)

"""The time of each frame of a video, also if the container's time stamps are wrong or missing."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

# Minimum step of the time if stamps are equal or slightly out of order.
_LEAST_STEP: Final = 0.0005
# If a stamp goes back by more than this, in seconds, the container's time was reset, for example where files
# were joined.
_SET_BACK: Final = 1.0


class FrameClock:
    """Provides times in seconds that start from 0 and always increase.

    Args:
        time_base: duration of one tick of the stamps in seconds.
        period: seconds between frames, as the file declares it; used if stamps are missing.
        by_decoding: whether to use the stamps of decoding instead of those of presentation.

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
        """Return the time of the next frame in seconds.

        Args:
            presented: its stamp of presentation, in ticks; None = missing.
            decoded: its stamp of decoding, in ticks; None = missing.
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

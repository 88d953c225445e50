"""Random numbers that depend only on their purpose: seed, epoch, clip and frame.

A resumed run, a run with another batch size, and a run with another number of processes therefore choose the
same frames of the same clip in the same epoch. The generator is counter-based: it applies the finalizer of
SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators") to one counter after
the other.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK: Final = (1 << 64) - 1


def uniform(seed: tuple[int, ...], *counters: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Return n random numbers in [0, 1), the same on every device.

    Args:
        seed: integers that are the same for all numbers: the run's seed, the epoch, and the purpose.
        counters: integers that differ between the numbers, such as clip and frame; each (n,) int64.
    """
    state = 0
    for part in seed:
        state = _mixed_int((state + part + 0x9E3779B97F4A7C15) & _MASK)
    mixed = torch.full_like(counters[0], _signed(state))
    for counter in counters:
        mixed = _mixed(mixed + counter + _signed(0x9E3779B97F4A7C15))
    return (_shifted(mixed, 40)).float() / 2**24


def _mixed(x: Tensor) -> Tensor:
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shifted(x, 31)


def _mixed_int(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def _shifted(x: Tensor, places: int) -> Tensor:
    """Shift right as for unsigned integers, filling with zeros instead of the sign."""
    return (x >> places) & ((1 << (64 - places)) - 1)


def _signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x

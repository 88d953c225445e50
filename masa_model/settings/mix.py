"""The text of a mixture of corpora: `wlasl=1,asl-citizen=0.5`, or `temperature=2`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

TEMPERATURE: Final = "temperature"


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of each corpus an epoch has.

    Attributes:
        shares: relative number of clips of each corpus in an epoch, by name; empty = by temperature.
        temperature: T of the shares n^(1/T), where n is the number of clips of a corpus: 1 = as many as there
            are, infinity = equally many of each corpus. Used only without shares.
    """

    shares: dict[str, float] = field(default_factory=dict)
    temperature: float = 1.0


def parse_mix(text: str) -> Mix:
    """Return the mixture that a text describes.

    Args:
        text: shares by corpus, or a temperature.

    Raises:
        ValueError: if the text has another form.

    Example:
        >>> parse_mix("wlasl=1,asl-citizen=0.5").shares
        {'wlasl': 1.0, 'asl-citizen': 0.5}
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.rpartition("="))
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        if not name or name in shares or not 0 < share < math.inf:
            raise ValueError(
                f"found {part.strip()[:60]!r}, expected shares above 0, each corpus once, like "
                f"wlasl=1,asl-citizen=0.5, or {TEMPERATURE}=2"
            )
        shares[name] = share
    if list(shares) == [TEMPERATURE]:
        return Mix(temperature=shares[TEMPERATURE])
    return Mix(shares)

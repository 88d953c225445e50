"""What can be chosen about Alg. 1, and what runs meant by it from before there was a choice."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from masa_model.settings.choices import Denominator, Magnitude, MaskRule, MaskSet, MaskStrategy
from masa_model.settings.types import Count, Section, Share, Weight, named

# What a rule sets besides itself.
MASK_RULES: dict[str, dict[str, Any]] = {
    "parts": {},
    "paper": {"denominator": "all"},
    "released": {"motion_threshold": 3.0, "mask_set": "union"},
}


class MaskingSettings(Section):
    """Alg. 1.

    Attributes:
        strategy: mask among frames that move, or among all ("random").
        rule: what makes a frame a candidate: a part of which enough moves ("parts"); all keypoints together,
            weighted, the letter of Alg. 1 ("paper"); or what is one in the authors' code ("released").
        interval: Alg. 1's k; None = the one of motion.interval that is nearest to 3.
        ratio: α.
        confidence_threshold: ε_c.
        motion_threshold: ε_m, in 1/256 of a part's side.
        min_moving_fraction: δ, the least share of keypoints that move in a frame that may be masked.
        magnitude: whether an entry is a joint's displacement or one of its coordinates.
        denominator: whether p_i is a share of what is seen, or of all entries.
        mask_set: one set of masked frames a clip; one for each part, hidden alone ("per_part"); or one for
            each part, of which any hides the frame ("union").
    """

    strategy: MaskStrategy = "motion"
    rule: MaskRule = "parts"
    interval: Count | None = None
    ratio: Share = 0.9
    confidence_threshold: Share = 0.4
    motion_threshold: Weight = 5.0
    min_moving_fraction: Share = 0.5
    magnitude: Magnitude = "displacement"
    denominator: Denominator = "visible"
    mask_set: MaskSet = "clip"

    @model_validator(mode="before")
    @classmethod
    def _rule(cls, values: object) -> object:
        """A rule stands for what goes with it; what is said besides goes before it."""
        if not isinstance(values, dict):
            return values
        return {**named(MASK_RULES, values.get("rule", "parts")), **values}


# Runs from before there was a rule to choose wrote all of these; k was the first interval.
_FIRST_MASKING = frozenset(
    [
        "strategy",
        "ratio",
        "confidence_threshold",
        "motion_threshold",
        "min_moving_fraction",
        "magnitude",
        "denominator",
        "mask_set",
    ]
)


def with_first_rule(values: dict[str, Any]) -> dict[str, Any]:
    """Settings that a run wrote before there were rules mean what they meant then."""
    masking, motion = values.get("masking"), values.get("motion")
    if not isinstance(masking, dict) or "rule" in masking or not masking.keys() >= _FIRST_MASKING:
        return values
    interval = motion.get("interval") if isinstance(motion, dict) else None
    first = interval[0] if isinstance(interval, list | tuple) and interval else interval
    return {**values, "masking": {**masking, "rule": "paper", "interval": first}}

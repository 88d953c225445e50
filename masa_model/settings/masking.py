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
    """Which frames are masked (Alg. 1).

    Attributes:
        strategy: mask frames that move ("motion"), or any frames ("random").
        rule: which frames may be masked. "parts": frames in which enough keypoints of one part move.
            "paper": Alg. 1 as it is written: motion times confidence, all keypoints together. "released":
            the rule of the authors' code.
        interval: Alg. 1's k in frames; without a value, the number of motion.interval that is nearest to 3.
        ratio: α, the fraction of the frames that may be masked that is masked.
        confidence_threshold: ε_c, the confidence below which a keypoint is not used.
        motion_threshold: ε_m, the motion above which a keypoint moves, in 1/256 of a part's side.
        min_moving_fraction: δ, the minimum fraction of keypoints that move in a frame that may be masked.
        magnitude: measure the motion of a joint by its "displacement", or by each "coordinate".
        denominator: the fraction δ is of the "visible" keypoints, or of "all" keypoints.
        mask_set: hide the same frames of all parts ("clip"); choose frames for each part and hide only this
            part ("per_part"); or choose frames for each part and hide all parts in them ("union").
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
        """A rule sets other settings with it; values that are given take precedence."""
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

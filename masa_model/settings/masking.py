"""Settings of motion-aware masking (Alg. 1), and their meaning in old runs that had no `masking.rule`."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from masa_model.settings.choices import Denominator, Magnitude, MaskRule, MaskSet, MaskStrategy
from masa_model.settings.types import Count, Section, Share, Weight, named

# Other settings that each rule changes.
MASK_RULES: dict[str, dict[str, Any]] = {
    "parts": {},
    "paper": {"denominator": "all"},
    "released": {"motion_threshold": 3.0, "mask_set": "union"},
}


class MaskingSettings(Section):
    """Settings of masking: which frames are masked (Alg. 1).

    Attributes:
        strategy: which frames can be masked: "motion" uses only frames with enough motion (Alg. 1), "random"
            uses any frames.
        rule: how a frame is judged to have enough motion. "parts": enough keypoints of one part (body, left
            hand or right hand) move. "paper": Alg. 1 as written: motion times confidence, all keypoints
            together. "released": the rule of the authors' code.
        interval: k of Alg. 1: distance in frames over which motion is measured; without a value, the number
            in motion.interval that is nearest to the paper's 3.
        ratio: masking ratio α: fraction of the candidate frames that is masked.
        confidence_threshold: confidence threshold ε_c: a keypoint with a lower confidence is not used.
        motion_threshold: motion threshold ε_m: a keypoint moves if its motion is at least this large, in
            1/256 of a part's side.
        min_moving_fraction: threshold δ: minimum fraction of moving keypoints in a candidate frame.
        magnitude: how motion is measured: "displacement" is the distance that a keypoint moves, "coordinate"
            treats x and y separately.
        denominator: keypoints among which the fraction δ is counted: those that are "visible" in both frames,
            or "all".
        mask_set: which parts are masked together. "clip": the same frames of all parts. "per_part": frames
            are chosen for each part, and only this part is masked. "union": frames are chosen for each part,
            and all parts are masked in them.
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
        """Apply the preset of the rule; explicitly given values take precedence."""
        if not isinstance(values, dict):
            return values
        return {**named(MASK_RULES, values.get("rule", "parts")), **values}


# Old runs, from before `masking.rule` existed, wrote all of these; their k was the first interval.
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
    """Return the settings of an old run, without `masking.rule`, with the rule that it used.

    Args:
        values: settings by group, as the run wrote them; settings that have a rule are returned unchanged.
    """
    masking, motion = values.get("masking"), values.get("motion")
    if not isinstance(masking, dict) or "rule" in masking or not masking.keys() >= _FIRST_MASKING:
        return values
    interval = motion.get("interval") if isinstance(motion, dict) else None
    first = interval[0] if isinstance(interval, list | tuple) and interval else interval
    return {**values, "masking": {**masking, "rule": "paper", "interval": first}}

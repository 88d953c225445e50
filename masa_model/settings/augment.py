"""Settings of augmentation, for pre-training and fine-tuning."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from masa_model.settings.types import Section, Share, Weight


class AugmentSettings(Section):
    """Settings of augmentation: random variation of training clips; 0 turns a variation off.

    Attributes:
        rotation: maximum angle of random rotation in degrees, in either direction; 0 turns it off.
        scale: maximum relative change of the size of body and hands, such as 0.15 for ±15 %; 0 turns it off.
        shift: maximum random shift of the body, in 1/256 of the frame's longer side; 0 turns it off.
        joint_drop: probability that a keypoint is removed from the whole clip.
        hand_swap: probability that a clip is mirrored, so that left and right hand are exchanged.
        stretch: maximum relative change of the width, and maximum slant of the height, such as 0.2: as if the
            camera stood elsewhere; 0 turns it off.
        part_drop: probability that the body, and each hand, is removed from the whole clip; if a hand was
            found, at least one hand is kept.
        speed: maximum relative change of the speed, such as 0.3: a clip gets 1/1.3 to 1.3 times as many
            frames, by interpolation; 0 turns it off.
        crop: maximum fraction of a clip's frames that is cut off at its start and end together; 0 turns it
            off.
    """

    rotation: Weight = 0.0
    scale: Share = 0.0
    shift: Weight = 0.0
    joint_drop: Share = 0.0
    hand_swap: Share = 0.0
    stretch: Share = 0.0
    part_drop: Share = 0.0
    speed: Annotated[float, Field(ge=0, le=1)] = 0.0
    crop: Annotated[float, Field(ge=0, lt=1)] = 0.0


# Augmentation that does not change a sign's meaning (docs/reproduction.md).
MILD_AUGMENTATION: Final[dict[str, float]] = {
    "rotation": 10.0,
    "scale": 0.15,
    "shift": 10.0,
    "joint_drop": 0.05,
}

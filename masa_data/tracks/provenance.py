"""Where a file's tracks come from: estimator, sampling, splits."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator

from masa_data.tracks.raw_scores import without_note


class EstimatorIdentity(BaseModel):
    """Which estimator made the keypoints; two files go together only if `differences` finds none.

    Attributes:
        name: "mediapipe", "mmpose", …
        version: the version of the estimator's library.
        settings: every setting that changes what it finds.
        weights_sha256: SHA-256 over its weights.
        confidence: what its confidence means, in a sentence.
        declared: whether somebody said so of keypoints that were imported, rather than the estimator of
            itself. Then version, settings and weights are what is known, not what was measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    settings: dict[str, str | int | float | bool | None]
    weights_sha256: str
    confidence: str
    declared: bool = False

    def differences(self, other: EstimatorIdentity) -> list[str]:
        """What keeps keypoints of two estimators apart, as lines "what: ours / theirs"; none = they fit.

        Of two that are measured everything is compared: another version, setting or weight finds other
        keypoints. Where one is declared only the names are: nobody measured the rest, and to refuse what
        somebody vouched for would leave imported keypoints without any use beside extracted ones.
        """
        mine, theirs = self.model_dump(exclude={"declared"}), other.model_dump(exclude={"declared"})
        compared = ["name"] if self.declared or other.declared else list(mine)
        return [f"{key}: {mine[key]} / {theirs[key]}" for key in compared if mine[key] != theirs[key]]


class Sampling(BaseModel):
    """Which frames of a clip are kept.

    Attributes:
        every: every N-th frame is kept.
        max_fps: at most so many frames per second of the source's clock; None = no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: int = 1
    max_fps: float | None = None


class SplitRule(BaseModel):
    """How clips without a split were given one.

    Attributes:
        by: "random" deals clips gloss by gloss; "signer" deals whole signers.
        seed: of the deal.
        shares: of train, val and test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["random", "signer"]
    seed: int
    shares: tuple[float, float, float] = (0.7, 0.1, 0.2)


class Provenance(BaseModel):
    """How a file came about: the same for every clip in it.

    Attributes:
        estimator: what found the keypoints.
        sampling: which frames were kept.
        split_rule: how splits were made; None if the clips came with theirs or have none.
        notes: what else is worth knowing and keeps no files apart: what was assumed, what was found.
        raw_scores: the lowest and the highest score before they were brought to 0..1; None if not known.
            Keeps no files apart.
        tool_version: version of this package that wrote the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: EstimatorIdentity
    sampling: Sampling = Sampling()
    split_rule: SplitRule | None = None
    notes: dict[str, str] = {}
    raw_scores: tuple[FiniteFloat, FiniteFloat] | None = None
    tool_version: str

    @model_validator(mode="after")
    def _take_raw_scores_out_of_the_notes(self) -> Provenance:
        """Files told them in a note once; it is read and becomes the field."""
        notes, noted = without_note(self.notes)
        if notes is not self.notes:
            object.__setattr__(self, "notes", notes)  # the model is frozen for everybody else
            object.__setattr__(self, "raw_scores", self.raw_scores or noted)
        return self

    def differences(self, other: Provenance) -> list[str]:
        """What keeps two files' tracks from standing in one dataset, as lines "what: ours / theirs"."""
        lines = [f"estimator {line}" for line in self.estimator.differences(other.estimator)]
        mine, theirs = self.sampling.model_dump(), other.sampling.model_dump()
        return lines + [
            f"sampling {key}: {mine[key]} / {theirs[key]}" for key in mine if mine[key] != theirs[key]
        ]

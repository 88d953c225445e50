"""Provenance of a file's tracks: estimator, sampling, splits."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator

from masa_data.tracks.raw_scores import without_note


class EstimatorIdentity(BaseModel):
    """The estimator of the keypoints; two files can be used together only if `differences` is empty.

    Attributes:
        name: "mediapipe", "mmpose", …
        version: version of the estimator's library.
        settings: all settings that change the keypoints.
        weights_sha256: SHA-256 of its weights.
        confidence: meaning of its confidence, in one sentence.
        declared: whether a user declared the estimator of imported keypoints. Then version, settings and
            weights are stated, not measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    settings: dict[str, str | int | float | bool | None]
    weights_sha256: str
    confidence: str
    declared: bool = False

    def differences(self, other: EstimatorIdentity) -> list[str]:
        """Return the differences between two estimators as lines "what: ours / theirs"; empty = compatible.

        If both are measured, everything is compared, because another version, setting or weight changes the
        keypoints. If one is declared, only the names are compared: the rest was not measured, and otherwise
        imported keypoints could never be used together with extracted ones.
        """
        mine, theirs = self.model_dump(exclude={"declared"}), other.model_dump(exclude={"declared"})
        compared = ["name"] if self.declared or other.declared else list(mine)
        return [f"{key}: {mine[key]} / {theirs[key]}" for key in compared if mine[key] != theirs[key]]


class Sampling(BaseModel):
    """The selection of frames of a clip.

    Attributes:
        every: every N-th frame is kept.
        max_fps: maximum number of frames per second of the source's time; None = no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: int = 1
    max_fps: float | None = None


class SplitRule(BaseModel):
    """The rule by which clips without a split were assigned to splits.

    Attributes:
        by: "random" assigns the clips of each gloss; "signer" assigns whole signers.
        seed: random seed of the assignment.
        shares: shares of train, val and test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["random", "signer"]
    seed: int
    shares: tuple[float, float, float] = (0.7, 0.1, 0.2)


class Provenance(BaseModel):
    """The origin of a file: the same for all its clips.

    Attributes:
        estimator: estimator of the keypoints.
        sampling: selection of the frames.
        split_rule: rule of the splits; None = the clips have their own splits or none.
        notes: further information, such as assumptions and findings; files with different notes are
            compatible.
        raw_scores: lowest and highest score before conversion to 0..1; None = unknown. Files with different
            values are compatible.
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
        """Convert the note with the raw scores, which older files have, to the field."""
        notes, noted = without_note(self.notes)
        if notes is not self.notes:
            object.__setattr__(self, "notes", notes)  # the model is otherwise frozen
            object.__setattr__(self, "raw_scores", self.raw_scores or noted)
        return self

    def differences(self, other: Provenance) -> list[str]:
        """Return why two files cannot be one dataset, as lines "what: ours / theirs"; empty = compatible."""
        lines = [f"estimator {line}" for line in self.estimator.differences(other.estimator)]
        mine, theirs = self.sampling.model_dump(), other.sampling.model_dump()
        return lines + [
            f"sampling {key}: {mine[key]} / {theirs[key]}" for key in mine if mine[key] != theirs[key]
        ]

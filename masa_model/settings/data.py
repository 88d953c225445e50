"""Settings that select the clips of pre-training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from masa_model.settings.choices import Storage
from masa_model.settings.mix import parse_mix
from masa_model.settings.types import Section


class DataSettings(Section):
    """Settings that select clips for training and say where they are kept.

    Attributes:
        splits: splits to train on; "none" stands for clips without a split.
        ratio: fraction of each corpus's clips that is used for training (Fig. 2).
        mix: how many clips of each corpus an epoch has, relative to the others: "wlasl=1,asl-citizen=0.5", or
            "temperature=2" for shares that grow with the square root of a corpus's size. The number of all
            clips of an epoch stays the same. "" uses each clip once.
        storage: where training clips are kept: "stream" reads them from disk, "memory" keeps them in main
            memory. "auto" uses main memory if the clips need less than 25 % of its free part, else the disk.
        any_estimator: if true, files of different pose estimators can be used together.
    """

    splits: tuple[Literal["train", "val", "test", "none"], ...] = ("train", "none")
    ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    mix: Annotated[str, Field(max_length=1000)] = ""
    storage: Storage = "auto"
    any_estimator: bool = False

    @field_validator("mix")
    @classmethod
    def _is_a_mix(cls, value: str) -> str:
        if value:
            parse_mix(value)
        return value

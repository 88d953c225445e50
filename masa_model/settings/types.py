"""Building blocks of settings: number ranges, groups and presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
# The upper bounds are far above any useful value, and low enough that a mistake does not exhaust the machine.
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Width = Annotated[int, Field(ge=1, le=16_384)]
Depth = Annotated[int, Field(ge=1, le=128)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Base class of a group of settings; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def named(presets: Mapping[str, dict[str, Any]], name: object) -> dict[str, Any]:
    """Return the preset of a name, or an empty one: validation reports unknown names."""
    return presets.get(name, {}) if isinstance(name, str) else {}

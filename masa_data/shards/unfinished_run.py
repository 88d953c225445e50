"""The settings of an unfinished extraction, stored with its data, and the settings that may resume it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from masa_data.errors import DamagedFileError, DataError, MismatchError
from masa_data.shards.joining import join_provenances
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import Provenance


class UnfinishedRun(BaseModel):
    """The settings of an unfinished extraction.

    Attributes:
        provenance: provenance of its clips.
        shard_clips: number of clips per shard; None = one self-contained file.
        replaces: whether an existing output is replaced; if False, clips are added to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provenance: Provenance
    shard_clips: int | None
    replaces: bool

    def apart_from_splits(self) -> UnfinishedRun:
        """Return the same settings without the split rule, which does not affect the extraction."""
        return self.model_copy(update={"provenance": self.provenance.model_copy(update={"split_rule": None})})


def read_run(path: Path) -> UnfinishedRun:
    """Read the settings from a file.

    Raises:
        DamagedFileError: if it cannot be read.
    """
    try:
        return UnfinishedRun.model_validate_json(path.read_bytes())
    except ValidationError:
        raise DamagedFileError(
            f"{path} is damaged, or was written by another version of masa",
            "Finish with that version, or give {overwrite} to start from the beginning",
            overwrite=True,
        ) from None


def continued(
    existing: PoseShards, provenance: Provenance, shard_clips: int | None
) -> tuple[Provenance, int | None]:
    """Check that clips with `provenance` may be added to a dataset, and fill in settings that were not given.

    Args:
        existing: the existing dataset.
        provenance: provenance of the new clips.
        shard_clips: number of clips per shard; None = as in the existing dataset.

    Returns:
        provenance and number of clips per shard of the whole dataset.

    Raises:
        MismatchError: if the estimator, the sampling or the split rule differs.
        DataError: if shards are requested and the dataset is one self-contained file.
    """
    differences = existing.provenance.differences(provenance)
    if differences:
        raise MismatchError(
            f"{existing.path} has other settings (there / now: {'; '.join(differences)}); a dataset has one "
            "estimator and one sampling",
            "Choose another output file, or give {overwrite} to start from the beginning",
            overwrite=True,
        )
    rule = existing.provenance.split_rule
    if provenance.split_rule not in (None, rule):
        raise MismatchError(
            f"{existing.path} was made {f'with the split rule {rule!r}' if rule else 'without a split rule'}",
            "Leave out {split_by} and {seed} to use the same rule, or give {overwrite} to start from "
            "the beginning",
            split_by=...,
            seed=...,
            overwrite=True,
        )
    if shard_clips is not None and not existing.shards:
        raise DataError(
            f"{existing.path} is one self-contained file", "Leave {shard_clips} out", shard_clips=...
        )
    if shard_clips is None and existing.shards:
        shard_clips = max(entry.clips for entry in existing.shards)
    joined = join_provenances([existing.provenance, provenance.model_copy(update={"split_rule": rule})])
    return joined.model_copy(update={"tool_version": provenance.tool_version}), shard_clips

"""What an extraction was started with, kept beside its unfinished work, and what it may be continued with."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from masa_data.errors import DamagedFileError, DataError, MismatchError
from masa_data.shards.joining import join_provenances
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import Provenance


class UnfinishedRun(BaseModel):
    """What an unfinished extraction was started with.

    Attributes:
        provenance: what its clips were made with.
        shard_clips: clips per shard; None for one self-contained file.
        replaces: whether an existing output is to be replaced rather than added to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provenance: Provenance
    shard_clips: int | None
    replaces: bool

    def apart_from_splits(self) -> UnfinishedRun:
        """The same without the split rule: how clips are split is no part of how they are extracted."""
        return self.model_copy(update={"provenance": self.provenance.model_copy(update={"split_rule": None})})


def read_run(path: Path) -> UnfinishedRun:
    """What is kept in a file.

    Raises:
        DamagedFileError: if it cannot be read.
    """
    try:
        return UnfinishedRun.model_validate_json(path.read_bytes())
    except ValidationError:
        raise DamagedFileError(
            f"{path} is damaged, or another version of masa wrote it",
            "Finish with that version, or give {overwrite} to start afresh",
            overwrite=True,
        ) from None


def continued(
    existing: PoseShards, provenance: Provenance, shard_clips: int | None
) -> tuple[Provenance, int | None]:
    """Check that clips made with `provenance` may be added, and take over what was not asked for.

    Args:
        existing: the dataset that is added to.
        provenance: of the clips to come.
        shard_clips: clips per shard; None = as it is there.

    Returns:
        the provenance and the clips per shard of all together.

    Raises:
        MismatchError: if the estimator, the sampling or the split rule is another.
        DataError: if the dataset is no shards and shards are asked for.
    """
    differences = existing.provenance.differences(provenance)
    if differences:
        raise MismatchError(
            f"{existing.path} was made otherwise (there / now: {'; '.join(differences)}); one dataset holds "
            "one estimator and one sampling",
            "Name another output file, or give {overwrite} to start afresh",
            overwrite=True,
        )
    rule = existing.provenance.split_rule
    if provenance.split_rule not in (None, rule):
        raise MismatchError(
            f"{existing.path} was made {f'with the split rule {rule!r}' if rule else 'without a split rule'}",
            "Leave {split_by} and {seed} out to go on as it was made, or give {overwrite} to start afresh",
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

"""Builds a dataset clip by clip; the process may be killed at any time.

Finished clips are written to a journal in the folder `OUT.partial`. `finish` then writes the complete OUT in
the order of the listing and removes the folder. OUT is therefore never incomplete, and its bytes do not
depend on interruptions or on the order in which workers finish.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
from typing_extensions import Self

from masa_data.classes.splits import SplitFacts, assign_splits, check_rule, number_glosses
from masa_data.disk.new_files import write_whole
from masa_data.errors import MismatchError
from masa_data.shards.journal import Journal
from masa_data.shards.quantize import StoredTrack, quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.shard_set import Piece, cut, write_shards
from masa_data.shards.unfinished_run import UnfinishedRun, continued, read_run
from masa_data.shards.work_folder import claim_work_folder
from masa_data.shards.writer import write_shard
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.raw_scores import unite_raw_scores
from masa_data.tracks.track import ClipInfo, PoseTrack


@dataclass(frozen=True, slots=True)
class DoneSource:
    """The source from which a finished clip was extracted.

    Attributes:
        path: path of the source as the user gave it.
        sha256: SHA-256 of the source's bytes, in hex; "" = unknown.
        since: time in seconds since 1970; a source that was not modified after it is unchanged.
    """

    path: str
    sha256: str
    since: float


class DatasetBuilder:
    """Adds clips to a new or existing dataset. Use as a context manager; only `finish` changes OUT.

    Attributes:
        out: path of the output file.
        folder: folder of unfinished work.
        existing: the existing dataset to which clips are added; None = none.
    """

    def __init__(
        self, out: Path, provenance: Provenance, *, shard_clips: int | None = None, overwrite: bool = False
    ) -> None:
        """Start or continue the work on `out`.

        Args:
            out: path of the output file, new or existing.
            provenance: provenance of the new clips.
            shard_clips: number of clips per shard; None = one self-contained file, or as in `out`.
            overwrite: discard `out` and any unfinished work on it. `out` itself is kept until `finish`.

        Raises:
            DataError: if `out` is not a file of pose tracks, its provenance differs, or another process
                writes it.
            OSError: if the folder cannot be written.
        """
        self.out = out
        self.folder, self._claim = claim_work_folder(out)
        try:
            self._open(provenance, shard_clips, overwrite)
        except BaseException:
            self._claim.release()
            self._remove_folder_if_unused()
            raise

    def _open(self, provenance: Provenance, shard_clips: int | None, overwrite: bool) -> None:
        run_path = self.folder / "run.json"
        journal_path = self.folder / "journal"
        if overwrite:
            run_path.unlink(missing_ok=True)
            journal_path.unlink(missing_ok=True)
        earlier = read_run(run_path) if run_path.exists() else None
        replaces = overwrite or (earlier is not None and earlier.replaces)
        self.existing = PoseShards.open(self.out) if self.out.exists() and not replaces else None
        if self.existing is not None:
            provenance, shard_clips = continued(self.existing, provenance, shard_clips)
        run = UnfinishedRun(provenance=provenance, shard_clips=shard_clips, replaces=replaces)
        if earlier is not None and earlier.apart_from_splits() != run.apart_from_splits():
            differences = earlier.provenance.differences(provenance) or ["other options or another version"]
            raise MismatchError(
                f"{self.folder} contains an unfinished extraction with other settings "
                f"({'; '.join(differences)})",
                "Repeat its command (only {split_by} and {seed} may change), or give {overwrite} to "
                "start from the beginning",
                split_by=...,
                seed=...,
                overwrite=True,
            )
        self._run = run
        if earlier is None:
            journal_path.unlink(missing_ok=True)
        if earlier != run:
            write_whole(run_path, run.model_dump_json(indent=1))
        self._journal = Journal(journal_path)
        self._begun = run_path.stat().st_mtime
        self._written = self.out.stat().st_mtime if self.existing is not None else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, trace)
        if self.existing is not None:
            self.existing.close()
        self._claim.release()
        self._remove_folder_if_unused()

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._journal or (self.existing is not None and clip_id in self.existing)

    @property
    def note(self) -> str:
        """A message for the user about the file system; "" = none."""
        return self._claim.note

    def check_split_rule(self, clips: Iterable[SplitFacts]) -> None:
        """Check, before the work, that the split rule can be applied to the clips.

        Args:
            clips: all clips of the future dataset; may include the existing ones.

        Raises:
            DataError: if the split rule cannot be applied to them.
        """
        rule = self._run.provenance.split_rule
        if rule is not None:
            earlier = (
                [self.existing.info(number) for number in range(len(self.existing))] if self.existing else []
            )
            ids = {clip.id for clip in earlier}
            check_rule([clip for clip in clips if clip.id not in ids], rule, earlier)

    def source_of(self, clip_id: str) -> DoneSource | None:
        """Return the source of a clip; None if the clip is not in the dataset."""
        if clip_id in self._journal:
            return DoneSource(*self._journal.source(clip_id), self._begun)
        known = self._existing_sources.get(clip_id)
        return None if known is None else DoneSource(*known, self._written)

    @cached_property
    def _existing_sources(self) -> dict[str, tuple[str, str]]:
        if self.existing is None:
            return {}
        columns = (self.existing.column(name).tolist() for name in ("path", "source_sha256"))
        return dict(zip(self.existing, zip(*columns, strict=True), strict=True))

    @property
    def can_replace(self) -> bool:
        """Whether existing clips of `out` can be replaced; clips in shards cannot."""
        return self._run.shard_clips is None or self.existing is None

    def add(self, track: PoseTrack, raw_scores: tuple[float, float] | None = None) -> StoredTrack:
        """Keep a finished clip; it replaces a clip with the same id.

        Args:
            track: the clip.
            raw_scores: lowest and highest score from which its confidence was computed; None = unknown.

        Returns:
            the clip as it will be stored.

        Raises:
            OSError: if the disk is full; clips that were added before are safe.
        """
        stored = quantize(track)
        self._journal.append(stored, raw_scores)
        return stored

    def finish(self, order: Sequence[str]) -> PoseShards | None:
        """Write `out` with the existing clips, then the new ones, and remove the unfinished work.

        Args:
            order: ids of the new clips in their final order; other new clips follow, sorted by id.

        Returns:
            the open dataset; None if there is no clip.

        Raises:
            DataError: if the split rule cannot be applied.
            OSError: if the disk is full; `out` is unchanged and the unfinished work is kept.
        """
        rank = {clip_id: number for number, clip_id in enumerate(order)}
        new = [
            clip_id
            for clip_id in self._journal
            if self.existing is None or clip_id not in self.existing or self.can_replace
        ]
        new.sort(key=lambda clip_id: (rank.get(clip_id, len(rank)), clip_id))
        if new:
            self._write(self._completed(new))
        self._journal.clear()
        (self.folder / "run.json").unlink()
        return PoseShards.open(self.out) if new or self.existing is not None else None

    def _completed(self, new: list[str]) -> list[ClipInfo]:
        """Return the properties of the new clips, with class numbers and splits."""
        existing = self.existing
        numbers = range(len(existing)) if existing else ()
        earlier = {info.id: info for info in map(existing.info, numbers)} if existing else {}
        infos = []
        for info in (self._journal.read(clip_id).info for clip_id in new):
            before = earlier.pop(info.id, None)  # a clip that is extracted again keeps its split
            infos.append(replace(info, split=info.split or before.split) if before else info)
        infos = number_glosses(infos, earlier.values())
        rule = self._run.provenance.split_rule
        return infos if rule is None else assign_splits(infos, rule, earlier.values())

    def _write(self, infos: list[ClipInfo]) -> None:
        provenance = self._run.provenance.model_copy(update={"raw_scores": self._raw_scores(infos)})
        shard_clips = self._run.shard_clips
        if shard_clips is None:
            frames = self._frames(infos)
            if self.existing is not None:
                kept = ~np.isin(self.existing.column("id"), [info.id for info in infos])
                frames += int(self.existing.lengths[kept].sum())
            write_shard(self.out, provenance, self._tracks(infos), frames)
            return
        earlier = self.existing.shards if self.existing else []
        pieces = [self._piece(part) for part in cut(infos, shard_clips)]
        write_shards(self.out, provenance, pieces, earlier, replace=True)

    def _piece(self, infos: Sequence[ClipInfo]) -> Piece:
        return Piece(lambda: map(self._with_info, infos), len(infos), self._frames(infos))

    def _raw_scores(self, infos: list[ClipInfo]) -> tuple[float, float] | None:
        """Return the range of raw scores over all clips that have any, also over interrupted runs."""
        earlier = [] if self.existing is None else [self.existing.provenance.raw_scores]
        return unite_raw_scores([*earlier, *(self._journal.raw_scores(info.id) for info in infos)])

    def _tracks(self, infos: list[ClipInfo]) -> Iterator[StoredTrack]:
        new = {info.id: info for info in infos}
        for number, clip_id in enumerate(self.existing or ()):
            info = new.pop(clip_id, None)
            yield self._with_info(info) if info else self.existing.stored(number)  # type: ignore[union-attr]
        yield from map(self._with_info, new.values())

    def _with_info(self, info: ClipInfo) -> StoredTrack:
        return replace(self._journal.read(info.id), info=info)

    def _frames(self, infos: Sequence[ClipInfo]) -> int:
        return sum(self._journal.frames(info.id) for info in infos)

    def _remove_folder_if_unused(self) -> None:
        """Remove the folder unless it contains finished clips of an unfinished extraction."""
        journal = self.folder / "journal"
        if not journal.exists() or journal.stat().st_size == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

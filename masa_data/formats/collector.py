"""Collects imported tracks and writes them to one file, completely or not at all.

Unlike masa-extract, an interrupted import starts from the beginning, because reading keypoints is fast.
Memory does not grow with the number of frames: tracks are kept on disk, in the folder `OUT.partial`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from masa_data.classes.splits import number_glosses
from masa_data.corpora.clip import Clip, Problem
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError, ExistsError
from masa_data.shards.journal import Journal
from masa_data.shards.quantize import StoredTrack, quantize
from masa_data.shards.work_folder import claim_work_folder, refuse_unfinished
from masa_data.shards.writer import write_shard
from masa_data.tracks.plausible import find_doubt
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import ClipInfo, PoseTrack


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of importing one clip.

    Attributes:
        track: its track; None = failed.
        problems: a failure, or warnings about a clip that was imported.
    """

    track: PoseTrack | None
    problems: tuple[Problem, ...] = ()


def as_problem(error: DataError | OSError, name: str, clip: str = "") -> Problem:
    """Return the problem for a file that cannot be used; other files are still imported.

    Args:
        error: the error.
        name: path of the file, as the user gave it.
        clip: id of the clip, if the problem concerns one.
    """
    if isinstance(error, OSError):
        error = in_words(error, "")
    return Problem.of(error, name, clip)


def import_each(
    clips: Iterable[Clip], read: Callable[[Clip], tuple[PoseTrack, tuple[str, ...]]]
) -> Iterator[Imported]:
    """Read clips one by one; a clip that cannot be read becomes a problem, and the others are still read.

    A clip whose numbers cannot be pixels of its frames also becomes a problem.

    Args:
        clips: clips to read, one by one.
        read: returns a clip's track and warnings; may raise DataError or OSError.
    """
    for clip in clips:
        try:
            track, warnings = read(clip)
            if doubt := find_doubt(track):
                raise doubt
        except (DataError, OSError) as error:
            yield Imported(None, (as_problem(error, clip.path, clip.id),))
        except (MemoryError, RecursionError) as error:
            too_large = DataError(f"is too large to be read ({type(error).__name__})", "Cut it into clips")
            yield Imported(None, (Problem.of(too_large, clip.path, clip.id),))
        else:
            problems = [
                Problem(clip.id, clip.path, "warning", warning, "Check the clip") for warning in warnings
            ]
            yield Imported(track, tuple(problems))


class TrackCollector:
    """Collects tracks one by one and writes them at the end. Use as a context manager."""

    def __init__(self, out: Path, *, overwrite: bool = False) -> None:
        """Prepare to write `out`.

        Args:
            out: path of the output file.
            overwrite: whether an existing file may be replaced. It does not change until `finish`.

        Raises:
            DataError: if it exists and must not be replaced, or another process writes it.
            OSError: if the folder cannot be written.
        """
        self._out = out
        refuse_unfinished(out)
        if out.exists() and not overwrite:
            raise ExistsError(
                f"{out} already exists", "Choose another output file, or give {overwrite}", overwrite=True
            )
        self._folder, self._claim = claim_work_folder(out)
        path = self._folder / "imported"
        path.unlink(missing_ok=True)
        self._journal = Journal(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, trace)
        self._claim.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._journal)

    @property
    def note(self) -> str:
        """A message for the user about the file system; "" = none."""
        return self._claim.note

    def add(self, track: PoseTrack) -> StoredTrack:
        """Keep a track.

        Returns:
            the track as it will be stored.

        Raises:
            DataError: if there is already a track with its id.
            OSError: if the disk is full.
        """
        if track.info.id in self._journal:
            raise DataError(f"found clip {track.info.id!r} again, expected each once", "Rename one of them")
        stored = quantize(track)
        self._journal.append(stored)
        return stored

    def finish(self, provenance: Provenance) -> None:
        """Write the file, with the tracks in the order of `add`; glosses without a label are numbered.

        Raises:
            OSError: if the disk is full; the output is unchanged.
        """
        infos = number_glosses([self._journal.read(clip_id).info for clip_id in self._journal])
        frames = sum(self._journal.frames(info.id) for info in infos)
        write_shard(self._out, provenance, map(self._with_info, infos), frames)

    def _with_info(self, info: ClipInfo) -> StoredTrack:
        return replace(self._journal.read(info.id), info=info)

"""A file of ours in another project's format."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from masa_data.corpora.clip import Problem
from masa_data.errors import DataError, NoClipsError
from masa_data.formats.clips_csv import CLIPS_CSV, ClipsCsv
from masa_data.formats.exporter import Exporter, new_file, new_folder
from masa_data.formats.masa_pickle import MasaPickleExport
from masa_data.formats.mmpose_json import MMPoseExport
from masa_data.formats.npz.writing import NpzExport
from masa_data.formats.openpose_json import OpenPoseExport
from masa_data.formats.parquet.writing import ParquetExport
from masa_data.formats.pose.writing import PoseExport
from masa_data.formats.pyskl.writing import PysklExport
from masa_data.shards.reader import CLIPS_BETWEEN_PAGES, PoseShards
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.track import PoseTrack

FolderFormat = Literal["pose", "openpose", "mmpose", "masa-pickle"]
FileFormat = Literal["pyskl", "npz", "parquet"]
FOLDER_FORMATS: Final = ("pose", "openpose", "mmpose", "masa-pickle")
# A name that is too long, or taken by another clip's folder or file; all else concerns every clip.
_OF_THE_NAME: Final = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
FILE_FORMATS: Final = ("pyskl", "npz", "parquet")


@dataclass(slots=True)
class Exported:
    """What became of an export.

    Attributes:
        clips: how many were written.
        frames: of these clips.
        problems: clips that could not be written.
        lost: what had no place in the format, a line each.
    """

    clips: int = 0
    frames: int = 0
    problems: list[Problem] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exportable:
    """Tracks to be exported, and what a format asks of all of them before the first is written.

    Attributes:
        tracks: one by one.
        path: where they are from, for errors.
        provenance: of all of them.
        corpora: the names of their corpora.
        splits: the names of their splits, "" among them for clips without one.
        frames: the number of frames of all tracks together.
    """

    tracks: Iterable[PoseTrack]
    path: str
    provenance: Provenance
    corpora: set[str]
    splits: set[str]
    frames: int

    @classmethod
    def of_file(cls, tracks: PoseShards) -> Exportable:
        """All clips of an open file, read one by one."""
        return cls(
            _each(tracks),
            str(tracks.path),
            tracks.provenance,
            set(tracks.column("corpus").tolist()),
            set(tracks.column("split").tolist()),
            tracks.frames,
        )


def _each(tracks: PoseShards) -> Iterator[PoseTrack]:
    for number in range(len(tracks)):
        yield tracks.track(number)
        if number % CLIPS_BETWEEN_PAGES == 0:
            tracks.forget_pages()


def export(
    source: PoseShards | Exportable,
    to: FolderFormat | FileFormat,
    out: Path,
    *,
    overwrite: bool = False,
    strict: bool = False,
    clip_done: Callable[[], None] = lambda: None,
) -> Exported:
    """Write tracks in another project's format, clip by clip.

    A format of a file a clip is a folder, in which clips.csv says what is known of each clip. Until all is
    written nothing stands at `out`.

    Args:
        source: an open file, or other tracks.
        to: the format.
        out: the folder or file to make.
        overwrite: whether the file may be there. A folder that holds anything is never replaced.
        strict: whether a clip that cannot be written ends the export, with nothing written.
        clip_done: called after every clip.

    Raises:
        ExistsError: if `out` is there and may not be.
        NotInstalledError: if an optional library is missing.
        NoClipsError: if no clip can be written.
        DataError: if the tracks do not fit into the format together; or (strict) one cannot be written.
        OSError: if the disk is full.
    """
    if isinstance(source, PoseShards):
        source = Exportable.of_file(source)
    done = Exported()
    with _exporter(source, to, out, overwrite) as (exporter, clips_csv):
        for track in source.tracks:
            try:
                exporter.add(track)
            except DataError as error:
                done.problems.append(Problem.of(error, source.path, track.info.id))
            except OSError as error:
                if error.errno not in _OF_THE_NAME:
                    raise
                unfit = DataError(
                    f"found the clip id {track.info.id[:80]!a}, expected one that can be a path here "
                    f"({error.strerror})",
                    "Leave the clip out with masa-convert filter, or choose a format of one file",
                )
                done.problems.append(Problem.of(unfit, source.path, track.info.id))
            else:
                if clips_csv is not None:
                    clips_csv.add(track)
                done.clips += 1
                done.frames += len(track)
            if strict and done.problems:
                raise done.problems[0].as_error().about(f"clip {track.info.id!r}")
            clip_done()
        if not done.clips:
            first = done.problems[0]
            raise NoClipsError(f"no clip could be exported: {first.reason}", first.advice)
        done.lost = [exporter.not_held, *exporter.finish()]
        if clips_csv is not None:
            done.lost.append(
                f"sizes, rates, frame numbers, labels and splits of the clips are in {CLIPS_CSV}"
            )
    return done


@contextmanager
def _exporter(
    source: Exportable, to: FolderFormat | FileFormat, out: Path, overwrite: bool
) -> Iterator[tuple[Exporter, ClipsCsv | None]]:
    if to in FOLDER_FORMATS:
        with new_folder(out) as folder, ClipsCsv(folder) as clips_csv:
            if to == "pose":
                yield PoseExport(folder, source.provenance.estimator), clips_csv
            elif to == "openpose":
                yield OpenPoseExport(folder), clips_csv
            elif to == "mmpose":
                yield MMPoseExport(folder), clips_csv
            else:
                yield MasaPickleExport(folder), clips_csv
        return
    with new_file(out, overwrite=overwrite) as path:
        if to == "pyskl":
            with PysklExport(path, source.corpora, source.splits) as pyskl:
                yield pyskl, None
        elif to == "npz":
            with NpzExport(path, source.frames) as npz:
                yield npz, None
        else:
            with ParquetExport(path, source.provenance) as parquet:
                yield parquet, None

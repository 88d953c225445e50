"""Export of a file of pose tracks to another project's format."""

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
# The name is too long, or another clip has a folder or file of this name; all other errors end the export.
_OF_THE_NAME: Final = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
FILE_FORMATS: Final = ("pyskl", "npz", "parquet")


@dataclass(slots=True)
class Exported:
    """The result of an export.

    Attributes:
        clips: number of clips that were written.
        frames: number of frames of these clips.
        problems: clips that could not be written.
        lost: data that the format cannot store, one line each.
    """

    clips: int = 0
    frames: int = 0
    problems: list[Problem] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exportable:
    """Tracks to export, and their common properties, which some formats need at the start.

    Attributes:
        tracks: the tracks, one by one.
        path: path of their source, for errors.
        provenance: provenance of all tracks.
        corpora: names of their corpora.
        splits: names of their splits, including "" if there are clips without one.
        frames: number of frames of all tracks together.
    """

    tracks: Iterable[PoseTrack]
    path: str
    provenance: Provenance
    corpora: set[str]
    splits: set[str]
    frames: int

    @classmethod
    def of_file(cls, tracks: PoseShards) -> Exportable:
        """Return all clips of an open file; they are read one by one."""
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

    If the format has one file per clip, a folder is written, in which clips.csv contains the properties of
    each clip. `out` is created only when everything has been written.

    Args:
        source: an open file, or other tracks.
        to: the format.
        out: path of the folder or file to create.
        overwrite: whether an existing file may be replaced. A folder that is not empty is never replaced.
        strict: whether a clip that cannot be written stops the export, so that nothing is written.
        clip_done: called after every clip.

    Raises:
        ExistsError: if `out` exists and must not be replaced.
        NotInstalledError: if an optional library is missing.
        NoClipsError: if no clip can be written.
        DataError: if the format cannot store these tracks together; or (strict) one cannot be written.
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
                    f"found the clip id {track.info.id[:80]!a}, expected one that is a valid path here "
                    f"({error.strerror})",
                    "Leave the clip out with masa-convert filter, or choose a format with a single file",
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

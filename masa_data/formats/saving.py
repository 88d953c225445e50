"""Writing of tracks to a masa file, or to other projects' files, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from masa_data.errors import DataError, MismatchError, NoClipsError
from masa_data.formats.collector import TrackCollector
from masa_data.formats.export import Exportable, FileFormat, FolderFormat, export
from masa_data.formats.reading import Reading
from masa_data.shards.joining import join_estimators
from masa_data.shards.reader import PoseShards
from masa_data.tracks.plausible import find_doubt
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_data.tracks.track import PoseTrack
from masa_data.version import VERSION

Tracks = PoseTrack | Iterable[PoseTrack] | Mapping[str, PoseTrack]

_CONFIDENCE = "as it was given, from 0 to 1"


def save(
    tracks: Tracks,
    out: str | Path,
    *,
    estimator: str | EstimatorIdentity | None = None,
    overwrite: bool = False,
) -> None:
    """Write tracks to a file that `open`, the commands and training can read.

    Positions are stored in steps of 1/21,845 of the frame's longer side, confidence in steps of 1/255. The
    file is written completely or not at all. Glosses without a class number are numbered.

    Args:
        tracks: one track, several tracks, or a whole dataset; ids must be different.
        out: path of the output file, with the extension .h5 or .hdf5.
        estimator: estimator of the keypoints, by name ("mediapipe", "mmpose", "openpose", …) or as in the
            provenance of another file; None = the estimator that the tracks themselves contain.
        overwrite: whether an existing file may be replaced.

    Raises:
        ExistsError: if `out` exists and must not be replaced.
        NoClipsError: if there is no track.
        MismatchError: if tracks have different estimators and none is given.
        DataError: if two tracks have the same id, the estimator is unknown, or positions cannot be pixels of
            the clip's frames.
        OSError: if the disk is full; `out` is unchanged.

    Example:
        >>> masa_data.save(tracks, "out.h5", estimator="mediapipe")  # doctest: +SKIP
    """
    out = Path(out)
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(f"found {out.name!r} as the output, expected a file that ends in .h5", "Rename it")
    found: list[EstimatorIdentity | None] = []
    with TrackCollector(out, overwrite=overwrite) as collector:
        for track in _each(tracks):
            if doubt := find_doubt(track):
                raise DataError(
                    f"clip {track.info.id!r}: {doubt.reason}",
                    "Give positions in pixels, and the true width and height of the frames",
                )
            collector.add(track)
            if track.estimator not in found:
                found.append(track.estimator)
        if not found:
            raise NoClipsError("found no track to write", "Give at least one track")
        identity = _named(estimator) if estimator is not None else _common(found)
        collector.finish(Provenance(estimator=identity, tool_version=VERSION))


def save_pose(tracks: Tracks, folder: str | Path) -> list[str]:
    """Write `ID.pose` for each track, which pose-format's Pose.read can read, and clips.csv.

    Args:
        tracks: one track, several tracks, or a whole dataset.
        folder: folder to create; it must not exist, or be empty.

    Returns:
        data that the format cannot store, one line each.

    Raises:
        ExistsError: if the folder is not empty.
        DataError: if a track cannot be written, for example because its id is not a valid path; then nothing
            is written.
        OSError: if the disk is full.

    Example:
        >>> masa_data.save_pose(masa_data.open("out.h5"), "poses/")  # doctest: +SKIP
    """
    return _export(tracks, "pose", folder)


def save_openpose(tracks: Tracks, folder: str | Path) -> list[str]:
    """Write a folder of OpenPose's JSON files, one per frame, for each track, and clips.csv.

    Arguments, result and errors are those of `save_pose`.

    Example:
        >>> masa_data.save_openpose(track, "json/")  # doctest: +SKIP
    """
    return _export(tracks, "openpose", folder)


def save_mmpose(tracks: Tracks, folder: str | Path) -> list[str]:
    """Write `ID.json` for each track in the form of MMPose's inferencer, and clips.csv.

    Arguments, result and errors are those of `save_pose`.

    Example:
        >>> masa_data.save_mmpose(track, "predictions/")  # doctest: +SKIP
    """
    return _export(tracks, "mmpose", folder)


def save_masa_pickle(tracks: Tracks, folder: str | Path) -> list[str]:
    """Write `ID.pkl` for each track, which the released MASA code can read, and clips.csv.

    Arguments, result and errors are those of `save_pose`.

    Example:
        >>> masa_data.save_masa_pickle(track, "keypoints/")  # doctest: +SKIP
    """
    return _export(tracks, "masa-pickle", folder)


def save_pyskl(tracks: Tracks, out: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write an annotation pickle for pyskl and MMAction2.

    Args:
        tracks: one track, several tracks, or a whole dataset; all of one corpus, because pyskl's classes are
            numbers.
        out: path of the output file.
        overwrite: whether an existing file may be replaced.

    Returns:
        data that the format cannot store, one line each.

    Raises:
        ExistsError: if `out` exists and must not be replaced.
        DataError: if a track cannot be written; then nothing is written.
        OSError: if the disk is full; `out` is unchanged.

    Example:
        >>> masa_data.save_pyskl(masa_data.open("out.h5"), "annotations.pkl")  # doctest: +SKIP
    """
    return _export(tracks, "pyskl", out, overwrite=overwrite)


def save_npz(tracks: Tracks, out: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write an npz file of many clips: kp49 (F, 49, 3) as shares of the frame, offsets (N + 1), label (N).

    Arguments, result and errors are those of `save_pyskl`, but several corpora are allowed.

    Example:
        >>> masa_data.save_npz(tracks, "clips.npz")  # doctest: +SKIP
    """
    return _export(tracks, "npz", out, overwrite=overwrite)


def save_parquet(tracks: Tracks, out: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write a Parquet table with one row per frame and all data, for pandas, Polars, DuckDB and R.

    Arguments, result and errors are those of `save_npz`. NotInstalledError is raised if pyarrow is missing.

    Example:
        >>> masa_data.save_parquet(tracks, "frames.parquet")  # doctest: +SKIP
    """
    return _export(tracks, "parquet", out, overwrite=overwrite)


def _each(tracks: Tracks) -> Iterable[PoseTrack]:
    if isinstance(tracks, PoseTrack):
        return [tracks]
    return tracks.values() if isinstance(tracks, Mapping) else tracks


def _named(estimator: str | EstimatorIdentity) -> EstimatorIdentity:
    if isinstance(estimator, EstimatorIdentity):
        return estimator
    return Reading(estimator=estimator).identity("unknown", "unknown", {}, _CONFIDENCE)


def _common(found: list[EstimatorIdentity | None]) -> EstimatorIdentity:
    """Return the common estimator of all tracks, as they contain it."""
    if None in found:
        raise DataError(
            "found a track that does not contain its estimator",
            "Give it, for example {estimator}",
            estimator="mediapipe",
        )
    known = cast(list[EstimatorIdentity], found)
    for other in known[1:]:
        if differences := known[0].differences(other):
            raise MismatchError(
                f"found tracks of different estimators ({'; '.join(differences)})",
                "Write one file for each, or declare one with {estimator}",
                estimator=...,
            )
    return join_estimators(known)


def _export(
    tracks: Tracks, to: FolderFormat | FileFormat, out: str | Path, *, overwrite: bool = False
) -> list[str]:
    source = tracks if isinstance(tracks, PoseShards) else _exportable(tracks)
    done = export(source, to, Path(out), overwrite=overwrite, strict=True)
    return done.lost


def _exportable(tracks: Tracks) -> Exportable:
    listed = list(_each(tracks))
    if not listed:
        raise NoClipsError("found no track to write", "Give at least one track")
    known = [track.estimator for track in listed if track.estimator is not None]
    identity = join_estimators(known) if known else _named("unknown")
    return Exportable(
        listed,
        "the tracks",
        Provenance(estimator=identity, tool_version=VERSION),
        {track.info.corpus for track in listed},
        {track.info.split for track in listed},
        sum(map(len, listed)),
    )

"""Imports of inputs that contain many clips: pyskl's pickles, npz, Parquet tables, Google's landmarks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from masa_data.corpora.clip import Listing, Problem
from masa_data.errors import DataError, MismatchError
from masa_data.formats.collector import as_problem
from masa_data.formats.frame_facts import AssumedFrames, VideoFolder
from masa_data.formats.google_islr import IslrFiles
from masa_data.formats.import_job import ImportJob, after_problems, whole_body_job
from masa_data.formats.import_options import ImportOptions
from masa_data.formats.npz.reading import NpzClips, npz_provenance
from masa_data.formats.parquet.reading import ParquetClips
from masa_data.formats.pyskl.reading import PysklFiles
from masa_data.formats.wholebody import WholeBodyImport
from masa_data.shards.joining import join_provenances
from masa_data.tracks.provenance import Provenance


def import_pyskl(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import annotation pickles of pyskl and MMAction2, which contain the frames' size but not their rate.

    Args:
        inputs: files.
        options: the user's statements about the files.

    Raises:
        DataError: if the rate is unknown, or given twice.
    """
    files = PysklFiles(math.nan if options.fps is None else options.fps)
    listing = Listing()
    for name in inputs:
        try:
            found = files.list_clips(Path(name), options.corpus)
        except (DataError, OSError) as error:
            listing.problems.append(as_problem(error, name))
        else:
            listing.clips += found.clips
            listing.problems += found.problems
    unsaid = options.videos is None and options.fps is None and not files.say_rates
    if unsaid or (options.videos is not None and options.fps is not None):
        raise DataError(
            f"found {'no option' if options.fps is None else '{videos} and {fps}'} to give the rate of the "
            "frames, which pyskl's files do not contain",
            "Give {fps}, or {videos}",
            fps=...,
            videos=...,
        )
    frames = None if options.videos is None else VideoFolder(options.videos)
    importer = WholeBodyImport(files.read, frames, "pyskl-import", options.fps, options.reading)
    return whole_body_job(listing, importer, "pyskl pickle", options.model)


def import_google_islr(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import the landmarks of Google's Isolated Sign Language Recognition data, by its list `train.csv`.

    Args:
        inputs: one list.
        options: the user's statements about the files.

    Raises:
        NotInstalledError: if pyarrow is not installed.
        DataError: if there are several lists, or the list of labels cannot be used.
    """
    if len(inputs) != 1 or options.size is None or options.fps is None:
        raise DataError(f"found {len(inputs)} inputs, expected one list", "Give train.csv alone")
    files = IslrFiles(Path(inputs[0]), options.corpus)
    frames = AssumedFrames(*options.size, options.fps)
    importer = WholeBodyImport(files.read, frames, "google-islr-import", reading=options.reading)
    outcomes = files.outcomes(importer)
    job = whole_body_job(Listing(), importer, "google-islr parquet", options.model, outcomes)
    return replace(job, provenance=lambda: _without_scores(job.provenance()))


def _without_scores(found: Provenance) -> Provenance:
    """Return the provenance of keypoints that are found or not, without a score."""
    estimator = found.estimator.model_copy(update={"confidence": "1 = found; the data has no scores"})
    return found.model_copy(update={"estimator": estimator})


def import_npz(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import npz files with kp49, offsets and label.

    Args:
        inputs: files.
        options: the user's statements about the files.

    Raises:
        DataError: if size and rate of the frames are unknown.
    """
    with ExitStack() as stack:
        files: list[NpzClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                files.append(stack.enter_context(NpzClips(Path(name), options.corpus)))
            except (DataError, OSError) as error:
                problems.append(as_problem(error, name))
        frames = options.frames(known=any(file.says_sizes for file in files))
        reading = options.reading
        return ImportJob(
            after_problems(problems, (one for file in files for one in file.tracks(frames, reading))),
            len(problems) + sum(file.clips for file in files),
            lambda: npz_provenance(frames, options.model, reading),
            resources=stack.pop_all(),
        )


def import_parquet(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import Parquet tables with one row per frame, which contain all properties.

    Args:
        inputs: files.
        options: the user's statements about the files.

    Raises:
        NotInstalledError: if pyarrow is not installed.
    """
    with ExitStack() as stack:
        files: list[ParquetClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                file = stack.enter_context(ParquetClips(Path(name), options.estimator))
                if files and (differences := files[0].provenance.differences(file.provenance)):
                    raise MismatchError(
                        f"its tracks differ from those of {files[0].path} ({'; '.join(differences)})",
                        "Import it into another file",
                    )
                files.append(file)
            except (DataError, OSError) as error:
                problems.append(as_problem(error, name))
        reading = options.reading
        outcomes = (one for file in files for one in file.tracks(options.corpus, reading))
        return ImportJob(
            after_problems(problems, outcomes),
            None,
            lambda: join_provenances([file.provenance for file in files]),
            resources=stack.pop_all(),
        )

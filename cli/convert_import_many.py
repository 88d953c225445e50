"""masa-convert FORMAT INPUT... OUT.h5, of files that hold many clips: pyskl's pickles, npz and Parquet."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from pathlib import Path

import click
from typing_extensions import Unpack

from masa_data.corpora.clip import Listing, Problem
from masa_data.errors import DataError
from masa_data.formats.frame_facts import VideoFolder
from masa_data.formats.npz.reading import NpzClips, npz_provenance
from masa_data.formats.parquet.reading import ParquetClips
from masa_data.formats.pyskl.reading import PysklFiles
from masa_data.formats.reading import Reading, Units
from masa_data.formats.wholebody import WholeBodyImport
from masa_data.shards.joining import join_provenances

from .console import errors_in_one_line, make_console
from .import_options import (
    FPS,
    MODEL,
    SIZE,
    SWAP_SIZE,
    VIDEOS,
    frame_source,
    import_options,
    inputs_and_out,
    units_option,
)
from .import_run import CommonOptions, as_problem, chained, reading_of, run_import, run_whole_body


@click.command("pyskl")
@import_options("pyskl", FPS, VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL)
def import_pyskl(
    paths: tuple[str, ...],
    videos: Path | None,
    fps: float | None,
    swap_size: bool,
    **options: Unpack[CommonOptions],
) -> None:
    """Import annotation pickles of pyskl and MMAction2 with 133 (COCO-WholeBody) or our 49 keypoints.

    The size of the frames is in them; the rate is not. No code in them runs, and only numpy arrays and plain
    types are read.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        files = PysklFiles(math.nan if fps is None else fps)
        listing = Listing()
        for name in inputs:
            try:
                found = files.list_clips(Path(name), options["corpus"])
            except (DataError, OSError) as error:
                listing.problems.append(as_problem(error, name))
            else:
                listing.clips += found.clips
                listing.problems += found.problems
        unsaid = videos is None and fps is None and not files.say_rates
        if unsaid or (videos is not None and fps is not None):
            raise DataError(
                f"found {'no option' if fps is None else '--videos and --fps'} to say the rate of the "
                "frames, which pyskl's files do not hold",
                "Give --fps F, or --videos DIR",
            )
        frames = None if videos is None else VideoFolder(videos)
        reading = reading_of(options, swap_size=swap_size)
        importer = WholeBodyImport(files.read, frames, "pyskl-import", fps, reading)
        code = run_whole_body(out, listing, importer, "pyskl pickle", options)
    sys.exit(code)


@click.command("npz")
@import_options("signs", SIZE, FPS, units_option("shares"), MODEL)
def import_npz(
    paths: tuple[str, ...],
    size: str | None,
    fps: float | None,
    **options: Unpack[CommonOptions],
) -> None:
    """Import npz files of many clips: kp49 as shares of the frame, offsets, label[, split, signer].

    Labels carry their source (owner/name:sign), so the whole label is the class and becomes the gloss. Files
    that masa-convert exported say size, rate and all else of each clip.
    """
    with errors_in_one_line("masa-convert"), ExitStack() as stack:
        inputs, out = inputs_and_out(paths)
        files: list[NpzClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                files.append(stack.enter_context(NpzClips(Path(name), options["corpus"])))
            except (DataError, OSError) as error:
                problems.append(as_problem(error, name))
        frames = frame_source(None, size, fps, known=any(file.says_sizes for file in files))
        reading = reading_of(options)
        code = run_import(
            make_console(quiet=options["quiet"]),
            out,
            chained(problems, (outcome for file in files for outcome in file.tracks(frames, reading))),
            len(problems) + sum(file.clips for file in files),
            lambda: npz_provenance(frames, options["model"], reading),
            lambda: None,
            overwrite=options["overwrite"],
            failures=options["failures"],
        )
    sys.exit(code)


@click.command("parquet")
@import_options("parquet", units_option("pixels"), SWAP_SIZE)
def import_parquet(
    paths: tuple[str, ...],
    corpus: str,
    estimator: str | None,
    units: Units,
    swap_size: bool,
    overwrite: bool,
    failures: Path | None,
    quiet: bool,
) -> None:
    """Import Parquet tables of a row a frame, as `masa-convert export --to parquet` writes them.

    Columns id, width, height, frame_index and x, y, confidence of each keypoint are needed, others may be
    absent.
    """
    with errors_in_one_line("masa-convert"), ExitStack() as stack:
        inputs, out = inputs_and_out(paths)
        files: list[ParquetClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                file = stack.enter_context(ParquetClips(Path(name), estimator))
                if files and (differences := files[0].provenance.differences(file.provenance)):
                    raise DataError(
                        f"was made otherwise than {files[0].path} ({'; '.join(differences)})",
                        "Import it into a file of its own",
                    )
                files.append(file)
            except (DataError, OSError) as error:
                problems.append(as_problem(error, name))
        reading = Reading(units, swap_size, estimator)
        code = run_import(
            make_console(quiet=quiet),
            out,
            chained(problems, (outcome for file in files for outcome in file.tracks(corpus, reading))),
            None,
            lambda: join_provenances([file.provenance for file in files]),
            lambda: None,
            overwrite=overwrite,
            failures=failures,
        )
    sys.exit(code)

"""masa-convert FORMAT INPUT... OUT.h5: keypoints that others found, to our files."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack

from masa_data.corpora.clip import Listing, Problem
from masa_data.errors import DataError
from masa_data.exchange.collector import Imported, import_each
from masa_data.exchange.frame_facts import VideoFolder
from masa_data.exchange.inputs import list_keypoint_files
from masa_data.exchange.masa_pickle import clips_in_pickle
from masa_data.exchange.mmpose_json import mmpose_frames, read_mmpose_json
from masa_data.exchange.npz import NpzClips, npz_provenance
from masa_data.exchange.openpose_json import list_openpose, openpose_frames
from masa_data.exchange.parquet import ParquetClips
from masa_data.exchange.pose_file import read_pose
from masa_data.exchange.pyskl import PysklFiles
from masa_data.exchange.reading import Reading, Units
from masa_data.exchange.wholebody import WholeBody, WholeBodyImport
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
from .import_run import run_import


class _Common(TypedDict):
    """The options that every import of whole-body keypoints has."""

    corpus: str
    model: str
    estimator: str | None
    units: Units
    overwrite: bool
    failures: Path | None
    quiet: bool


@click.command("mmpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_mmpose(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
) -> None:
    """Import MMPose's JSON files of COCO-WholeBody keypoints, or folders of them.

    In a folder, gloss/clip.json gives glosses and train/gloss/clip.json splits. A folder of a numbered file
    for each image, as MMPose writes for a folder of images, is one clip.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        found = mmpose_frames()
        listing = list_keypoint_files(inputs, ".json", options["corpus"], found)
        importer = WholeBodyImport(
            lambda clip: found.read(clip) if clip.id in found.files else read_mmpose_json(clip.source),
            frame_source(videos, size, fps, known=_is_listed(listing)),
            reading=_reading(options),
        )
        code = _run(out, listing, importer, "mmpose json", options)
    sys.exit(code)


@click.command("masa-pickle")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_masa_pickle(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
) -> None:
    """Import pickles {'keypoints': (T, 133, 3), 'img_list': [...]}, or folders of them.

    Pickles of Uni-Sign (lists of 'keypoints' and 'scores', in shares: --units shares) and of NLA-SLR (arrays
    of many clips by name) are read too. No code in them runs, and only numpy arrays and plain types are read.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        listing = list_keypoint_files(inputs, ".pkl", options["corpus"])
        importer = WholeBodyImport(
            lambda clip: readers[clip.id](),
            frame_source(videos, size, fps, known=_is_listed(listing)),
            reading=_reading(options),
        )
        readers: dict[str, Callable[[], WholeBody]] = {}

        def outcomes() -> Iterator[Imported]:
            for file in listing.clips:
                try:
                    for clip, read in clips_in_pickle(file):
                        readers.clear()
                        readers[clip.id] = read
                        yield from import_each([clip], importer.track)
                except (DataError, OSError) as error:
                    yield Imported(None, (_problem(error, file.path, file.id),))

        code = _run(out, listing, importer, "masa pickle", options, outcomes())
    sys.exit(code)


@click.command("pose")
@import_options("folder", VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL)
def import_pose(
    paths: tuple[str, ...], videos: Path | None, swap_size: bool, **options: Unpack[_Common]
) -> None:
    """Import .pose files of pose-format, or folders of them: MediaPipe Holistic, COCO-WholeBody or OpenPose.

    Size and rate of the frames are in them. In a folder, gloss/clip.pose gives glosses and
    train/gloss/clip.pose splits.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        frames = None if videos is None else VideoFolder(videos)
        importer = WholeBodyImport(
            read_pose, frames, "pose-import", reading=_reading(options, swap_size=swap_size)
        )
        listing = list_keypoint_files(inputs, ".pose", options["corpus"])
        code = _run(out, listing, importer, "pose", options)
    sys.exit(code)


@click.command("openpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_openpose(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
) -> None:
    """Import OpenPose's JSON, a file a frame: folders of …_000000000042_keypoints.json.

    Each folder below the one given is a clip, as is each video of which frames lie in one folder together.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        found = openpose_frames()
        listing = list_openpose(found, inputs, options["corpus"])
        frames = frame_source(videos, size, fps, known=_is_listed(listing))
        importer = WholeBodyImport(found.read, frames, "openpose-import", reading=_reading(options))
        code = _run(out, listing, importer, "openpose json", options)
    sys.exit(code)


@click.command("pyskl")
@import_options("pyskl", FPS, VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL)
def import_pyskl(
    paths: tuple[str, ...],
    videos: Path | None,
    fps: float | None,
    swap_size: bool,
    **options: Unpack[_Common],
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
                listing.problems.append(_problem(error, name))
            else:
                listing.clips += found.clips
                listing.problems += found.problems
        unsaid = videos is None and fps is None and listing.clips and not files.say_rates
        if unsaid or (videos is not None and fps is not None):
            raise DataError(
                f"found {'no option' if fps is None else '--videos and --fps'} to say the rate of the "
                "frames, which pyskl's files do not hold",
                "Give --fps F, or --videos DIR",
            )
        frames = None if videos is None else VideoFolder(videos)
        reading = _reading(options, swap_size=swap_size)
        importer = WholeBodyImport(files.read, frames, "pyskl-import", fps, reading)
        code = _run(out, listing, importer, "pyskl pickle", options)
    sys.exit(code)


@click.command("npz")
@import_options("signs", SIZE, FPS, units_option("shares"), MODEL)
def import_npz(
    paths: tuple[str, ...],
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
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
                problems.append(_problem(error, name))
        frames = frame_source(None, size, fps, known=any(file.says_sizes for file in files))
        reading = _reading(options)
        code = run_import(
            make_console(quiet=options["quiet"]),
            out,
            _chained(problems, (outcome for file in files for outcome in file.tracks(frames, reading))),
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
                problems.append(_problem(error, name))
        reading = Reading(units, swap_size, estimator)
        code = run_import(
            make_console(quiet=quiet),
            out,
            _chained(problems, (outcome for file in files for outcome in file.tracks(corpus, reading))),
            None,
            lambda: join_provenances([file.provenance for file in files]),
            lambda: None,
            overwrite=overwrite,
            failures=failures,
        )
    sys.exit(code)


IMPORTS: Final = (
    import_mmpose,
    import_masa_pickle,
    import_pose,
    import_openpose,
    import_pyskl,
    import_npz,
    import_parquet,
)


def _is_listed(listing: Listing) -> bool:
    """Whether a list beside the files says size and rate of some clip."""
    return any(clip.listed is not None for clip in listing.clips)


def _reading(options: _Common, *, swap_size: bool = False) -> Reading:
    return Reading(options["units"], swap_size, options["estimator"])


def _problem(error: DataError | OSError, name: str, clip: str = "") -> Problem:
    """A file that cannot be used, which costs a line and not the others."""
    if isinstance(error, OSError):
        error = DataError(f"cannot be read ({error.strerror or error})", "Check the path and its rights")
    return Problem.of(error, name, clip)


def _run(
    out: Path,
    listing: Listing,
    importer: WholeBodyImport,
    source: str,
    options: _Common,
    outcomes: Iterator[Imported] | None = None,
) -> int:
    """Import the clips of a listing, or `outcomes`, of which it is not known how many there are."""
    return run_import(
        make_console(quiet=options["quiet"]),
        out,
        _chained(listing.problems, outcomes or import_each(listing.clips, importer.track)),
        None if outcomes else len(listing.problems) + len(listing.clips),
        lambda: importer.provenance(source, options["model"]),
        importer.score_warning,
        overwrite=options["overwrite"],
        failures=options["failures"],
    )


def _chained(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes

"""masa-convert FORMAT INPUT... OUT.h5: keypoints that others found, to our files."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
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
from masa_data.exchange.masa_pickle import read_masa_pickle
from masa_data.exchange.mmpose_json import read_mmpose_json
from masa_data.exchange.npz import NpzClips, npz_provenance
from masa_data.exchange.openpose_json import OpenPoseFrames
from masa_data.exchange.parquet import ParquetClips
from masa_data.exchange.pose_file import read_pose
from masa_data.exchange.pyskl import PysklFiles
from masa_data.exchange.wholebody import WholeBodyImport
from masa_data.os_errors import in_words

from .console import errors_in_one_line, make_console
from .import_options import FPS, MODEL, SIZE, VIDEOS, frame_source, import_options, inputs_and_out
from .import_run import run_import


class _Common(TypedDict):
    """The options that every import of a file a clip has."""

    corpus: str
    model: str
    overwrite: bool
    failures: Path | None
    quiet: bool


@click.command("mmpose")
@import_options("folder", SIZE, FPS, VIDEOS, MODEL)
def import_mmpose(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
) -> None:
    """Import MMPose's JSON files of COCO-WholeBody keypoints, or folders of them.

    In a folder, gloss/clip.json gives glosses and train/gloss/clip.json splits.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        importer = WholeBodyImport(
            lambda clip: read_mmpose_json(clip.source), frame_source(videos, size, fps)
        )
        listing = list_keypoint_files(inputs, ".json", options["corpus"])
        code = _run(out, listing, importer, "mmpose json", options)
    sys.exit(code)


@click.command("masa-pickle")
@import_options("folder", SIZE, FPS, VIDEOS, MODEL)
def import_masa_pickle(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[_Common],
) -> None:
    """Import pickles {'keypoints': (T, 133, 3), 'img_list': [...]}, or folders of them.

    No code in them runs, and only numpy arrays and plain types are read.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        importer = WholeBodyImport(
            lambda clip: read_masa_pickle(clip.source), frame_source(videos, size, fps)
        )
        listing = list_keypoint_files(inputs, ".pkl", options["corpus"])
        code = _run(out, listing, importer, "masa pickle", options)
    sys.exit(code)


@click.command("pose")
@import_options("folder", VIDEOS, MODEL)
def import_pose(paths: tuple[str, ...], videos: Path | None, **options: Unpack[_Common]) -> None:
    """Import .pose files of pose-format, or folders of them: MediaPipe Holistic, COCO-WholeBody or OpenPose.

    Size and rate of the frames are in them. In a folder, gloss/clip.pose gives glosses and
    train/gloss/clip.pose splits.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        frames = None if videos is None else VideoFolder(videos)
        importer = WholeBodyImport(read_pose, frames, "pose-import")
        listing = list_keypoint_files(inputs, ".pose", options["corpus"])
        code = _run(out, listing, importer, "pose", options)
    sys.exit(code)


@click.command("openpose")
@import_options("folder", SIZE, FPS, VIDEOS, MODEL)
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
        found = OpenPoseFrames()
        importer = WholeBodyImport(found.read, frame_source(videos, size, fps), "openpose-import")
        listing = found.list_clips(inputs, options["corpus"])
        code = _run(out, listing, importer, "openpose json", options)
    sys.exit(code)


@click.command("pyskl")
@import_options("pyskl", FPS, VIDEOS, MODEL)
def import_pyskl(
    paths: tuple[str, ...], videos: Path | None, fps: float | None, **options: Unpack[_Common]
) -> None:
    """Import annotation pickles of pyskl and MMAction2 with 133 (COCO-WholeBody) or our 49 keypoints.

    The size of the frames is in them; the rate is not. No code in them runs, and only numpy arrays and plain
    types are read.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        if (videos is None) == (fps is None):
            raise DataError(
                f"found {'no option' if fps is None else '--videos and --fps'} to say the rate of the "
                "frames, which pyskl's files do not hold",
                "Give --fps F, or --videos DIR",
            )
        files = PysklFiles(math.nan if fps is None else fps)
        frames = None if videos is None else VideoFolder(videos)
        importer = WholeBodyImport(files.read, frames, "pyskl-import", fps)
        listing = Listing()
        for name in inputs:
            try:
                found = files.list_clips(Path(name), options["corpus"])
            except (DataError, OSError) as error:
                listing.problems.append(_problem(error, name))
            else:
                listing.clips += found.clips
                listing.problems += found.problems
        code = _run(out, listing, importer, "pyskl pickle", options)
    sys.exit(code)


@click.command("npz")
@import_options("signs", SIZE, FPS, MODEL)
def import_npz(
    paths: tuple[str, ...],
    size: str | None,
    fps: float | None,
    corpus: str,
    model: str,
    overwrite: bool,
    failures: Path | None,
    quiet: bool,
) -> None:
    """Import npz files of many clips: kp49 as shares of the frame, offsets, label[, split, signer].

    Labels carry their source (owner/name:sign), so the whole label is the class and becomes the gloss.
    """
    with errors_in_one_line("masa-convert"), ExitStack() as stack:
        inputs, out = inputs_and_out(paths)
        frames = frame_source(None, size, fps)
        files: list[NpzClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                files.append(stack.enter_context(NpzClips(Path(name), corpus)))
            except (DataError, OSError) as error:
                problems.append(_problem(error, name))
        code = run_import(
            make_console(quiet=quiet),
            out,
            _chained(problems, (outcome for file in files for outcome in file.tracks(frames))),
            len(problems) + sum(file.clips for file in files),
            lambda: npz_provenance(frames, model),
            lambda: None,
            overwrite=overwrite,
            failures=failures,
        )
    sys.exit(code)


@click.command("parquet")
@import_options("parquet")
def import_parquet(
    paths: tuple[str, ...], corpus: str, overwrite: bool, failures: Path | None, quiet: bool
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
                file = stack.enter_context(ParquetClips(Path(name)))
                if files and (differences := files[0].provenance.differences(file.provenance)):
                    raise DataError(
                        f"was made otherwise than {files[0].path} ({'; '.join(differences)})",
                        "Import it into a file of its own",
                    )
                files.append(file)
            except (DataError, OSError) as error:
                problems.append(_problem(error, name))
        code = run_import(
            make_console(quiet=quiet),
            out,
            _chained(problems, (outcome for file in files for outcome in file.tracks(corpus))),
            None,
            lambda: files[0].provenance,
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


def _problem(error: DataError | OSError, name: str) -> Problem:
    """A file that cannot be used, which costs a line and not the others."""
    if isinstance(error, OSError):
        error = in_words(error, "")
    return Problem.of(error, name)


def _run(out: Path, listing: Listing, importer: WholeBodyImport, source: str, options: _Common) -> int:
    return run_import(
        make_console(quiet=options["quiet"]),
        out,
        _chained(listing.problems, import_each(listing.clips, importer.track)),
        len(listing.problems) + len(listing.clips),
        lambda: importer.provenance(source, options["model"]),
        importer.score_warning,
        overwrite=options["overwrite"],
        failures=options["failures"],
    )


def _chained(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes

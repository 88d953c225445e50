"""masa-convert FORMAT INPUT... OUT.h5: keypoints that others found, to our files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click
from typing_extensions import Unpack

from masa_data.errors import DataError
from masa_data.formats.collector import Imported, import_each
from masa_data.formats.frame_facts import VideoFolder
from masa_data.formats.inputs import list_keypoint_files
from masa_data.formats.masa_pickle import clips_in_pickle
from masa_data.formats.mmpose_json import mmpose_frames, read_mmpose_json
from masa_data.formats.openpose_json import list_openpose, openpose_frames
from masa_data.formats.pose.reading import read_pose
from masa_data.formats.wholebody import WholeBody, WholeBodyImport

from .console import errors_in_one_line
from .convert_import_many import import_npz, import_parquet, import_pyskl
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
from .import_run import CommonOptions, as_problem, is_listed, reading_of, run_whole_body


@click.command("mmpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_mmpose(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[CommonOptions],
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
            frame_source(videos, size, fps, known=is_listed(listing)),
            reading=reading_of(options),
        )
        code = run_whole_body(out, listing, importer, "mmpose json", options)
    sys.exit(code)


@click.command("masa-pickle")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_masa_pickle(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[CommonOptions],
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
            frame_source(videos, size, fps, known=is_listed(listing)),
            reading=reading_of(options),
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
                    yield Imported(None, (as_problem(error, file.path, file.id),))

        code = run_whole_body(out, listing, importer, "masa pickle", options, outcomes())
    sys.exit(code)


@click.command("pose")
@import_options("folder", VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL)
def import_pose(
    paths: tuple[str, ...], videos: Path | None, swap_size: bool, **options: Unpack[CommonOptions]
) -> None:
    """Import .pose files of pose-format, or folders of them: MediaPipe Holistic, COCO-WholeBody or OpenPose.

    Size and rate of the frames are in them. In a folder, gloss/clip.pose gives glosses and
    train/gloss/clip.pose splits.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        frames = None if videos is None else VideoFolder(videos)
        importer = WholeBodyImport(
            read_pose, frames, "pose-import", reading=reading_of(options, swap_size=swap_size)
        )
        listing = list_keypoint_files(inputs, ".pose", options["corpus"])
        code = run_whole_body(out, listing, importer, "pose", options)
    sys.exit(code)


@click.command("openpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL)
def import_openpose(
    paths: tuple[str, ...],
    videos: Path | None,
    size: str | None,
    fps: float | None,
    **options: Unpack[CommonOptions],
) -> None:
    """Import OpenPose's JSON, a file a frame: folders of …_000000000042_keypoints.json.

    Each folder below the one given is a clip, as is each video of which frames lie in one folder together.
    """
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        found = openpose_frames()
        listing = list_openpose(found, inputs, options["corpus"])
        frames = frame_source(videos, size, fps, known=is_listed(listing))
        importer = WholeBodyImport(found.read, frames, "openpose-import", reading=reading_of(options))
        code = run_whole_body(out, listing, importer, "openpose json", options)
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

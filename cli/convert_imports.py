"""masa-convert FORMAT INPUT... OUT.h5: import keypoints that other tools extracted."""

from __future__ import annotations

from typing import Final

import click
from typing_extensions import Unpack

from masa_data.formats import clip_tables, import_clips
from masa_data.formats import import_files as of_many

from .console import errors_in_one_line, refuse_options
from .import_options import (
    ANNOTATIONS,
    COLUMNS,
    FPS,
    MODEL,
    ROOT,
    SIZE,
    SWAP_SIZE,
    VIDEOS,
    import_options,
    units_option,
)
from .import_run import ImportArguments, import_files


@click.command("mmpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL, ROOT, ANNOTATIONS)
def import_mmpose(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import MMPose's JSON files of COCO-WholeBody keypoints, or folders of them.

    In a folder, the path gloss/clip.json sets the gloss, and train/gloss/clip.json also sets the split. A
    folder with one numbered file per image, as MMPose writes it for a folder of images, is one clip.
    """
    import_files(import_clips.import_mmpose, paths, **arguments)


@click.command("masa-pickle")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL, ROOT, ANNOTATIONS)
def import_masa_pickle(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import pickles {'keypoints': (T, 133, 3), 'img_list': [...]}, or folders of them.

    Pickles of Uni-Sign (lists of 'keypoints' and 'scores'; use --units shares) and of NLA-SLR (arrays of many
    clips by name) are also read. Only numpy arrays and plain types are read; code in the files is never run.
    """
    import_files(import_clips.import_masa_pickle, paths, **arguments)


@click.command("pose")
@import_options("folder", VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL, ROOT, ANNOTATIONS)
def import_pose(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import .pose files of pose-format, or folders of them: MediaPipe Holistic, COCO-WholeBody or OpenPose.

    The files contain size and rate of the frames. In a folder, the path gloss/clip.pose sets the gloss, and
    train/gloss/clip.pose also sets the split.
    """
    import_files(import_clips.import_pose, paths, **arguments)


@click.command("openpose")
@import_options("folder", SIZE, FPS, VIDEOS, units_option("pixels"), MODEL, ROOT, ANNOTATIONS)
def import_openpose(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import OpenPose's JSON, one file per frame: folders of …_000000000042_keypoints.json.

    Each folder below the given one is a clip. If one folder contains frames of several videos, each video is
    a clip.
    """
    import_files(import_clips.import_openpose, paths, **arguments)


@click.command("pyskl")
@import_options("pyskl", FPS, VIDEOS, units_option("pixels"), SWAP_SIZE, MODEL)
def import_pyskl(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import annotation pickles of pyskl and MMAction2 with 133 (COCO-WholeBody) or our 49 keypoints.

    The files contain the size of the frames, but not the rate. Only numpy arrays and plain types are read;
    code in the files is never run.
    """
    import_files(of_many.import_pyskl, paths, **arguments)


@click.command("npz")
@import_options("signs", SIZE, FPS, COLUMNS, units_option("shares"), MODEL, ROOT, ANNOTATIONS)
def import_npz(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import npz files of many clips: kp49 as shares of the frame, offsets, label[, split, signer].

    Labels contain their source (owner/name:sign). The whole label is the class, and it becomes the gloss.
    Files that masa-convert exported contain size, rate and all other facts of each clip.

    With --columns, each file is one clip with one array (frames, points, values); in a folder, the path
    gloss/clip.npz sets the gloss.
    """
    other = arguments["columns"] is not None
    import_files(clip_tables.import_npz_tables if other else of_many.import_npz, paths, **arguments)


@click.command("parquet")
@import_options("parquet", SIZE, FPS, COLUMNS, units_option("pixels"), SWAP_SIZE, MODEL, ROOT, ANNOTATIONS)
def import_parquet(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import Parquet tables with one row per frame, as `masa-convert export --to parquet` writes them.

    The columns id, width, height, frame_index, and x, y and confidence of each keypoint are required. Other
    columns are optional.

    With --columns, each file is one clip, and its columns are the numbers of a frame; give --size and --fps.
    """
    if arguments["columns"] is None:
        with errors_in_one_line("masa-convert"):
            refuse_options("without --columns", "size", "fps", "model")
        import_files(of_many.import_parquet, paths, **arguments)
    import_files(clip_tables.import_parquet_tables, paths, **arguments)


@click.command("google-islr")
@import_options(
    "google-islr",
    click.option(
        "--size",
        default="1944x2592",
        show_default=True,
        metavar="WxH",
        help="Assumed frame size in pixels, as the data has only shares of it; recorded as assumed.",
    ),
    click.option(
        "--fps",
        type=click.FloatRange(min=0, max=1000, min_open=True),
        default=30,
        show_default=True,
        help="Assumed frames per second; recorded as assumed.",
    ),
    MODEL,
)
def import_google_islr(paths: tuple[str, ...], **arguments: Unpack[ImportArguments]) -> None:
    """Import the landmarks of Google's Isolated Sign Language Recognition data: its train.csv.

    The Parquet files that the list names must be below its folder. The signer, the sign and its number are
    imported. There is no split: masa-convert split OUT.h5 --by signer makes one.
    """
    arguments["units"] = "shares"
    import_files(of_many.import_google_islr, paths, **arguments)


IMPORTS: Final = (
    import_mmpose,
    import_masa_pickle,
    import_pose,
    import_openpose,
    import_pyskl,
    import_npz,
    import_parquet,
    import_google_islr,
)

"""Reading of tracks from other projects' files in one call, like masa-convert, but without an output file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from masa_data.corpora.inputs import require_inputs
from masa_data.errors import DataError, NoClipsError
from masa_data.formats import import_clips, import_files
from masa_data.formats.import_job import ImportJob
from masa_data.formats.import_options import ImportOptions
from masa_data.formats.reading import Units
from masa_data.tracks.track import PoseTrack

_Import = Callable[[Sequence[str], ImportOptions], ImportJob]


def load_pose(
    path: str | Path,
    *,
    units: Units = "pixels",
    swap_size: bool = False,
    estimator: str | None = None,
    corpus: str = "folder",
) -> PoseTrack:
    """Read a .pose file of pose-format: MediaPipe Holistic, COCO-WholeBody or OpenPose.

    Args:
        path: the file. It contains the size and the rate of the frames.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        swap_size: whether the file has height and width swapped.
        estimator: estimator of the keypoints: "mediapipe", "mmpose" or "openpose"; None = unknown.
        corpus: name of the corpus to record.

    Returns:
        the signer's track: (T, 49, 2) pixels and (T, 49) confidence.

    Raises:
        DataError: if it is not a .pose file, or its numbers cannot be pixels of its frames.
        OSError: if it cannot be read.

    Example:
        >>> track = masa_data.load_pose("clip.pose")  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, swap_size, estimator)
    return _one(import_clips.import_pose, path, options)


def load_openpose(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    videos: str | Path | None = None,
    units: Units = "pixels",
    estimator: str | None = None,
    corpus: str = "folder",
) -> PoseTrack:
    """Read OpenPose's folder of one clip: one JSON file per frame, …_000000000042_keypoints.json.

    Args:
        path: the folder.
        size: width and height of the frames in pixels; give it together with `fps`.
        fps: frames per second; give it together with `size`.
        videos: folder with the clip's video, which provides size and rate; replaces `size` and `fps`.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        estimator: estimator of the keypoints; None = OpenPose.
        corpus: name of the corpus to record.

    Returns:
        the signer's track: (T, 49, 2) pixels and (T, 49) confidence.

    Raises:
        DataError: if a file is not valid, the folder contains several clips, size and rate are unknown, or
            the numbers cannot be pixels of such frames.
        OSError: if a file cannot be read.

    Example:
        >>> track = masa_data.load_openpose("json/clip/", size=(640, 360), fps=25)  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, False, estimator, "unknown", size, fps, _path(videos))
    return _one(import_clips.import_openpose, path, options)


def load_mmpose(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    videos: str | Path | None = None,
    units: Units = "pixels",
    estimator: str | None = None,
    corpus: str = "folder",
) -> PoseTrack:
    """Read MMPose's JSON of one clip, with COCO-WholeBody's 133 keypoints.

    Args:
        path: the file of a video, or a folder with one numbered file per image.
        size: width and height of the frames in pixels; give it together with `fps`.
        fps: frames per second; give it together with `size`.
        videos: folder with the clip's video, which provides size and rate; replaces `size` and `fps`.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        estimator: estimator of the keypoints; with "mmpose", the clips can be used together with clips that
            MMPose extracted here.
        corpus: name of the corpus to record.

    Returns:
        the signer's track: (T, 49, 2) pixels and (T, 49) confidence.

    Raises:
        DataError: if it is not such a file, size and rate are unknown, or the numbers cannot be pixels of
            such frames.
        OSError: if it cannot be read.

    Example:
        >>> track = masa_data.load_mmpose("clip.json", size=(640, 360), fps=25)  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, False, estimator, "unknown", size, fps, _path(videos))
    return _one(import_clips.import_mmpose, path, options)


def load_masa_pickle(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    videos: str | Path | None = None,
    units: Units = "pixels",
    estimator: str | None = None,
    corpus: str = "folder",
) -> list[PoseTrack]:
    """Read a pickle of COCO-WholeBody keypoints of MASA, Uni-Sign (units="shares") or NLA-SLR.

    No code in the pickle is executed; only numpy arrays and plain types are read.

    Args:
        path: the file.
        size: width and height of the frames in pixels; give it together with `fps`.
        fps: frames per second; give it together with `size`.
        videos: folder with the clips' videos, which provide size and rate; replaces `size` and `fps`.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        estimator: estimator of the keypoints: "mediapipe", "mmpose" or "openpose"; None = unknown.
        corpus: name of the corpus to record.

    Returns:
        the tracks of its clips: one for MASA and Uni-Sign, many for NLA-SLR.

    Raises:
        DataError: if it is not such a file, size and rate are unknown, or a clip cannot be used.
        OSError: if it cannot be read.

    Example:
        >>> (track,) = masa_data.load_masa_pickle("clip.pkl", size=(640, 360), fps=25)  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, False, estimator, "unknown", size, fps, _path(videos))
    return _several(import_clips.import_masa_pickle, path, options)


def load_pyskl(
    path: str | Path,
    *,
    fps: float | None = None,
    videos: str | Path | None = None,
    units: Units = "pixels",
    swap_size: bool = False,
    estimator: str | None = None,
    corpus: str = "pyskl",
) -> list[PoseTrack]:
    """Read an annotation pickle of pyskl or MMAction2 with 133 (COCO-WholeBody) or masa's 49 keypoints.

    No code in the pickle is executed; only numpy arrays and plain types are read.

    Args:
        path: the file. It contains the size of the frames.
        fps: frames per second; only files of `save_pyskl` contain it.
        videos: folder with the clips' videos, which provide the rate; replaces `fps`.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        swap_size: whether the file has height and width swapped.
        estimator: estimator of the keypoints: "mediapipe", "mmpose" or "openpose"; None = unknown.
        corpus: name of the corpus to record.

    Returns:
        the tracks of its clips.

    Raises:
        DataError: if it is not such a file, the rate is unknown, or a clip cannot be used.
        OSError: if it cannot be read.

    Example:
        >>> tracks = masa_data.load_pyskl("annotations.pkl", fps=25)  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, swap_size, estimator, "unknown", None, fps, _path(videos))
    return _several(import_files.import_pyskl, path, options)


def load_npz(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    units: Units = "shares",
    estimator: str | None = None,
    corpus: str = "signs",
) -> list[PoseTrack]:
    """Read an npz file of many clips: kp49 (F, 49, 3), offsets (N + 1), label (N)[, split, signer].

    Args:
        path: the file.
        size: width and height of the frames in pixels, together with `fps`; files of `save_npz` contain both.
        fps: frames per second; give it together with `size`.
        units: units of positions: "shares" of the frame's width and height, or "pixels".
        estimator: estimator of the keypoints: "mediapipe", "mmpose" or "openpose"; None = unknown.
        corpus: name of the corpus to record.

    Returns:
        the tracks of its clips.

    Raises:
        DataError: if it is not such a file, size and rate are unknown, or a clip cannot be used.
        OSError: if it cannot be read.

    Example:
        >>> tracks = masa_data.load_npz("clips.npz", size=(640, 480), fps=30)  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, False, estimator, "unknown", size, fps)
    return _several(import_files.import_npz, path, options)


def load_parquet(
    path: str | Path,
    *,
    units: Units = "pixels",
    swap_size: bool = False,
    estimator: str | None = None,
    corpus: str = "parquet",
) -> list[PoseTrack]:
    """Read a Parquet table with one row per frame, as `save_parquet` writes it.

    Args:
        path: the file. It has columns id, width, height, frame_index, and x, y, confidence of each keypoint.
        units: units of positions: "pixels", or "shares" of the frame's width and height.
        swap_size: whether the table has height and width swapped.
        estimator: estimator of the keypoints, if the table does not contain it.
        corpus: name of the corpus to record for clips without a corpus in the table.

    Returns:
        the tracks of its clips.

    Raises:
        NotInstalledError: if pyarrow is not installed.
        DataError: if it is not such a file, or a clip cannot be used.
        OSError: if it cannot be read.

    Example:
        >>> tracks = masa_data.load_parquet("frames.parquet")  # doctest: +SKIP
    """
    options = ImportOptions(corpus, units, swap_size, estimator)
    return _several(import_files.import_parquet, path, options)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _one(make: _Import, path: str | Path, options: ImportOptions) -> PoseTrack:
    tracks = _several(make, path, options)
    if len(tracks) != 1:
        raise DataError(
            f"found {len(tracks)} clips in {path}, expected one",
            "Give the file or folder of one clip; masa-convert imports many",
        )
    return tracks[0]


def _several(make: _Import, path: str | Path, options: ImportOptions) -> list[PoseTrack]:
    require_inputs([str(path)])
    tracks = []
    odd: list[str] = []
    with make([str(path)], options) as job:
        for outcome in job.outcomes:
            for problem in outcome.problems:
                if problem.kind == "failed":
                    raise problem.as_error().about(problem.path)
                odd.append(f"{problem.path}: {problem.reason}")
            if outcome.track is not None:
                tracks.append(outcome.track)
        if not tracks:
            raise NoClipsError(f"found no clip in {path}", "Give another file or folder")
        if text := job.warning():
            odd.append(f"{path}: {text}")
        identity = job.provenance().estimator
    for line in odd:
        warnings.warn(line, stacklevel=4)
    return [replace(track, estimator=identity) for track in tracks]

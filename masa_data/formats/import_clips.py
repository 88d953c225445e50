"""Imports of formats with one or more files per clip: MMPose, MASA, pose-format and OpenPose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from masa_data.errors import DataError
from masa_data.formats.collector import Imported, as_problem, import_each
from masa_data.formats.frame_facts import VideoFolder
from masa_data.formats.import_job import ImportJob, whole_body_job
from masa_data.formats.import_options import ImportOptions, is_listed
from masa_data.formats.inputs import list_keypoint_files
from masa_data.formats.masa_pickle import clips_in_pickle
from masa_data.formats.mmpose_json import mmpose_frames, read_mmpose_json
from masa_data.formats.openpose_json import list_openpose, openpose_frames
from masa_data.formats.pose.reading import read_pose
from masa_data.formats.wholebody import WholeBody, WholeBodyImport


def import_mmpose(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import MMPose's JSON files, or folders of them; numbered files for the images of a folder are one clip.

    Args:
        inputs: files and folders.
        options: the user's statements about the files.

    Raises:
        DataError: if size and rate of the frames are unknown.
    """
    found = mmpose_frames()
    listing = list_keypoint_files(inputs, ".json", options.corpus, found)
    importer = WholeBodyImport(
        lambda clip: found.read(clip) if clip.id in found.files else read_mmpose_json(clip.source),
        options.frames(known=is_listed(listing)),
        reading=options.reading,
    )
    return whole_body_job(listing, importer, "mmpose json", options.model)


def import_masa_pickle(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import pickles of MASA, Uni-Sign and NLA-SLR, or folders of them; those of NLA-SLR contain many clips.

    Args:
        inputs: files and folders.
        options: the user's statements about the files.

    Raises:
        DataError: if size and rate of the frames are unknown.
    """
    listing = list_keypoint_files(inputs, ".pkl", options.corpus)
    readers: dict[str, Callable[[], WholeBody]] = {}
    importer = WholeBodyImport(
        lambda clip: readers[clip.id](),
        options.frames(known=is_listed(listing)),
        reading=options.reading,
    )

    def outcomes() -> Iterator[Imported]:
        for file in listing.clips:
            try:
                for clip, read in clips_in_pickle(file):
                    readers.clear()
                    readers[clip.id] = read
                    yield from import_each([clip], importer.track)
            except (DataError, OSError) as error:
                yield Imported(None, (as_problem(error, file.path, file.id),))

    return whole_body_job(listing, importer, "masa pickle", options.model, outcomes())


def import_pose(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import .pose files, which contain the size and rate of their frames, or folders of them.

    Args:
        inputs: files and folders.
        options: the user's statements about the files.
    """
    frames = None if options.videos is None else VideoFolder(options.videos)
    importer = WholeBodyImport(read_pose, frames, "pose-import", reading=options.reading)
    return whole_body_job(
        list_keypoint_files(inputs, ".pose", options.corpus), importer, "pose", options.model
    )


def import_openpose(inputs: Sequence[str], options: ImportOptions) -> ImportJob:
    """Import folders of OpenPose's JSON, one file per frame.

    Args:
        inputs: folders.
        options: the user's statements about the files.

    Raises:
        DataError: if size and rate of the frames are unknown.
    """
    found = openpose_frames()
    listing = list_openpose(found, inputs, options.corpus)
    frames = options.frames(known=is_listed(listing))
    importer = WholeBodyImport(found.read, frames, "openpose-import", reading=options.reading)
    return whole_body_job(listing, importer, "openpose json", options.model)

"""Reads .pose files of pose-format, without a library; never reads more than the file contains."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.formats.frame_facts import FASTEST, SLOWEST, FrameFacts, is_frame_rate
from masa_data.formats.people import find_signer_in_arrays
from masa_data.formats.pose.header import WRITE_AGAIN, PoseHeader
from masa_data.formats.pose.points import find_points
from masa_data.formats.untrusted.limits import check_frames, regular_size
from masa_data.formats.wholebody import WholeBody


def read_pose(clip: Clip) -> WholeBody:
    """Read the signer's keypoints from a .pose file, with the size and rate that it contains.

    Raises:
        DataError: if it is not such a file.
        OSError: if it cannot be read.
    """
    path = clip.source
    size = regular_size(path)
    with path.open("rb") as stream:
        header = PoseHeader.read(stream)
        start = stream.tell()
    layout, points = find_points(header)
    _check(header, size - start, rate_known=clip.listed is not None)
    shape = header.frames, header.people, header.points
    numbers = np.memmap(path, "<f4", "r", start, (header.body_bytes // 4,))
    count = math.prod(shape) * header.dimensions
    # Copies, so that the file does not remain mapped.
    keypoints = numbers[:count].reshape(*shape, header.dimensions)[:, :, points, :2].astype(np.float64)
    scores = numbers[count:].reshape(shape)[:, :, points].astype(np.float64)
    found = find_signer_in_arrays(keypoints, scores, np.arange(header.frames))
    stated = FrameFacts(clip.path, header.width, header.height, header.fps or math.nan)
    return replace(found, stated=stated, skeleton=layout.name, counted=True)


def _check(header: PoseHeader, size: int, *, rate_known: bool) -> None:
    if header.body_bytes != size:
        raise DataError(
            f"found {size:,} bytes of numbers, expected {header.body_bytes:,} for {header.frames:,} frames",
            "Download the file again",
        )
    if header.frames < 1 or header.people < 1:
        raise DataError(
            f"found {header.frames} frames of {header.people} people, expected at least one of each",
            "Leave the file out",
        )
    check_frames(header.frames, header.people)
    # An export writes 0 if there is no rate; clips.csv then has the value.
    sound_rate = is_frame_rate(header.fps) or (rate_known and header.fps == 0)
    if header.width < 1 or header.height < 1 or not sound_rate:
        raise DataError(
            f"found frames of {header.width}×{header.height} pixels at {header.fps:g} frames/s, expected at "
            f"least 1×1 and {SLOWEST:g} to {FASTEST:g} frames/s",
            WRITE_AGAIN,
        )

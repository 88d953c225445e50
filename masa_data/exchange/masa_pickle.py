"""Pickles of the form {'keypoints': (T, 133, 3), 'img_list': [...]}, as the released MASA code reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from masa_data.errors import DataError
from masa_data.exchange.limits import check_frames
from masa_data.exchange.plain_pickle import read_plain_pickle
from masa_data.exchange.wholebody import NUM_WHOLEBODY, WholeBody
from masa_data.skeleton import COCO_WHOLEBODY_INDICES

_EXPORT_AGAIN: Final = "Export the file again, or leave it out"


def read_masa_pickle(path: Path) -> WholeBody:
    """The keypoints of one clip: x, y in pixels and the score of every frame. No code in the file runs.

    Raises:
        DataError: if it is not such a file.
        OSError: if it cannot be read.
    """
    content = read_plain_pickle(path)
    keypoints = content.get("keypoints") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(keypoints, np.ndarray):
        what = type(content).__name__
        if isinstance(content, dict):
            what = f"dict of {ascii(sorted(content))[:60]}"
        raise DataError(f"found a {what}, expected a dict with an array `keypoints`", _EXPORT_AGAIN)
    if keypoints.shape != (len(keypoints) if keypoints.ndim else 0, NUM_WHOLEBODY, 3) or len(keypoints) == 0:
        raise DataError(
            f"found keypoints of shape {keypoints.shape}, expected (frames, 133, 3): COCO-WholeBody's 133 "
            "keypoints with x, y and score",
            _EXPORT_AGAIN,
        )
    check_frames(len(keypoints))
    images = content.get("img_list")
    if images is not None and (not isinstance(images, list) or len(images) != len(keypoints)):
        found = f"{len(images):,} images" if isinstance(images, list) else f"a {type(images).__name__}"
        raise DataError(
            f"found {found} as `img_list`, expected one for each of {len(keypoints):,} frames", _EXPORT_AGAIN
        )
    with np.errstate(invalid="ignore"):  # of NaN, which is taken care of later
        values = keypoints[:, COCO_WHOLEBODY_INDICES].astype(np.float64)
    return WholeBody(values[..., :2], values[..., 2], np.arange(len(values)))

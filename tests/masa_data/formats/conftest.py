"""Files of made-up and of real tracks to export."""

import json

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.shards.quantize import quantize
from masa_data.shards.writer import write_shard
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from masa_data.tracks.track import ClipInfo, PoseTrack
from tests.conftest import make_track

SIZES = {"FOOTBALL": (640, 360), "SOUP": (320, 240)}


@pytest.fixture
def write(tmp_path, provenance):
    """Write tracks to a file and open it."""
    opened = []

    def write_tracks(*tracks, name="in.h5", **changes):
        write_shard(
            tmp_path / name,
            provenance.model_copy(update=changes),
            map(quantize, tracks),
            sum(map(len, tracks)),
        )
        opened.append(PoseShards.open(tmp_path / name))
        return opened[-1]

    yield write_tracks
    for tracks in opened:
        tracks.close()


@pytest.fixture
def made_up(write):
    """Five clips: of two classes, one without, one that begins later, one of every other frame."""
    later, thinned = make_track("tea/3", 6, gloss="tea", label=1, start=40, end=52), make_track("x/1", 4)
    return write(
        make_track("book/1", 4, gloss="book", label=0, split="train", signer="Ann"),
        make_track("book/zwölf 12", 1, gloss="book", label=0, split="test"),
        PoseTrack(
            later.info,
            later.keypoints,
            later.confidence,
            later.frame_index + np.int32(40),
            later.time,
            later.box,
        ),
        PoseTrack(
            thinned.info,
            thinned.keypoints,
            thinned.confidence,
            thinned.frame_index * 2,
            thinned.time,
            thinned.box,
        ),
        make_track("tea/4", 3, gloss="tea", label=1, split="val", width=1920, height=1080),
    )


@pytest.fixture
def real(shared_data, write):
    """What MMPose found in two real clips, taken from its JSON without our importer."""
    tracks = []
    for name, (width, height) in SIZES.items():
        frames = json.loads((shared_data / f"video_mmpose_pair/{name}.mmpose133.json").read_text())
        people = [frame["instances"][0] for frame in frames]
        index = np.arange(len(people))
        tracks.append(
            PoseTrack.with_missing(
                ClipInfo(
                    name, f"{name}.mp4", "folder", fps=29.97, width=width, height=height, end=len(people)
                ),
                np.array([person["keypoints"] for person in people])[:, COCO_WHOLEBODY_INDICES],
                np.clip([person["keypoint_scores"] for person in people], 0, 1)[:, COCO_WHOLEBODY_INDICES],
                index,
                index / 29.97,
            )
        )
    return write(*tracks, name="real.h5")


def assert_same_points(found, expected):
    """Positions and confidence of two stored tracks, to the bit."""
    np.testing.assert_array_equal(found.confidence, expected.confidence)
    known = expected.confidence > 0
    np.testing.assert_array_equal(found.positions[known], expected.positions[known])

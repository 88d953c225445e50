"""masa-extract on real footage."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES, LEFT_HAND, RIGHT_HAND
from masa_data.video.frames import Video
from tests.conftest import ESTIMATOR

MASA_EXTRACT = str(Path(sys.executable).parent / "masa-extract")

# One short clip of each source, and the two that MMPose was run on.
SOME = ("07069", "FOOTBALL", "SOUP", "address", "love", "pose_format_test_video")


def extracted(videos, folder):
    out = folder / "out.h5"
    command = [MASA_EXTRACT, *map(str, videos), str(out), *ESTIMATOR]
    subprocess.run(command, check=True, capture_output=True)
    return PoseShards.open(out)


@pytest.fixture(scope="module")
def shared_extraction(shared_videos, tmp_path_factory):
    """Some real clips, extracted once."""
    videos = [path for path in shared_videos if path.stem in SOME]
    assert {path.parent for path in videos} == {path.parent for path in shared_videos}
    with extracted(videos, tmp_path_factory.mktemp("shared")) as tracks:
        yield tracks


def assert_kept_whole(tracks, videos):
    assert set(tracks) == {path.stem for path in videos}
    for path in videos:
        track = tracks[path.stem]
        frames = list(Video(path))
        assert track.frame_index.tolist() == [frame.index for frame in frames]
        assert (track.info.height, track.info.width) == frames[0].image.shape[:2]


def test_real_clips_are_kept_whole(shared_extraction, shared_videos):
    assert_kept_whole(shared_extraction, [path for path in shared_videos if path.stem in SOME])


@pytest.mark.slow
def test_every_real_clip_is_kept_whole(shared_videos, tmp_path):
    folders = sorted({path.parent for path in shared_videos})
    with extracted(folders, tmp_path) as tracks:
        assert_kept_whole(tracks, shared_videos)


@pytest.mark.parametrize("name", ["FOOTBALL", "SOUP"])
def test_keypoints_lie_where_mmpose_found_them(shared_extraction, shared_data, name):
    """The figures of docs/benchmarks.md: `pytest -s -k mmpose_found` prints them."""
    frames = json.loads((shared_data / f"video_mmpose_pair/{name}.mmpose133.json").read_text())
    theirs = np.array([frame["instances"][0]["keypoints"] for frame in frames])[:, COCO_WHOLEBODY_INDICES]
    scores = np.array([frame["instances"][0]["keypoint_scores"] for frame in frames])
    scores = scores[:, COCO_WHOLEBODY_INDICES]
    track = shared_extraction[name]
    shoulder_width = np.median(np.linalg.norm(theirs[:, 1] - theirs[:, 4], axis=1))
    distance = np.linalg.norm(track.keypoints - theirs, axis=2) / shoulder_width
    for joint in range(7):
        assert np.nanmedian(distance[:, joint]) <= 0.08
    for hand, other in ((LEFT_HAND, RIGHT_HAND), (RIGHT_HAND, LEFT_HAND)):
        found = track.confidence[:, hand].min(axis=1) > 0
        in_view = scores[:, hand].mean(axis=1) > 0.3
        median, worst = np.nanmedian(distance[:, hand]), np.nanpercentile(distance[:, hand], 90)
        print(
            f"{name} {'left' if hand is LEFT_HAND else 'right'} hand: median {median:.3f}, 90 % {worst:.3f},"
        )
        print(f"  found in {found[in_view].mean():.1%} of the frames in which it is in view")
        assert median <= 0.10
        assert found[in_view].mean() >= 0.85
        crossed = np.linalg.norm(track.keypoints[:, hand] - theirs[:, other], axis=2) / shoulder_width
        assert median < np.nanmedian(crossed)
    body = [f"{np.nanmedian(column):.3f}/{np.nanpercentile(column, 90):.3f}" for column in distance[:, :7].T]
    print(f"{name} body, median/90 % in shoulder widths: {' '.join(body)}")

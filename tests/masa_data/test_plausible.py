"""Numbers that cannot be pixels are told from a signer's, however the clip is framed."""

import re
from itertools import pairwise

import numpy as np
import pytest

from masa_data.analysis.quality import validate
from masa_data.formats.mmpose_json import read_mmpose_json
from masa_data.shards.quantize import quantize
from masa_data.shards.reader import PoseShards
from masa_data.shards.writer import write_shard
from masa_data.tracks.plausible import find_doubt
from masa_data.tracks.track import ClipInfo, PoseTrack

SIZES = {"FOOTBALL": (640, 360), "SOUP": (320, 240)}


def signer(frames=12, *, middle=(0.5, 0.5), reach=0.25, width=640, height=480):
    """Keypoints of somebody in pixels: two hands that circle below a head, and confidences."""
    rng = np.random.default_rng(0)
    side = min(width, height)
    points = rng.normal(0, reach / 3, (1, 49, 2)) + np.zeros((frames, 1, 1))
    points[:, 7:] += (
        0.3 * reach * np.stack([np.cos(np.arange(frames)), np.sin(np.arange(frames))], 1)[:, None]
    )
    return points * side + np.array(middle) * (width, height), np.full((frames, 49), 0.9)


def track(keypoints, confidence, width=640, height=480):
    index = np.arange(len(keypoints))
    info = ClipInfo("a", "a.mp4", fps=25, width=width, height=height, end=len(index))
    return PoseTrack.with_missing(info, keypoints, confidence, index, index / 25)


def shoulders_of_one(keypoints):
    return (keypoints - keypoints[:, :7].mean(axis=1, keepdims=True)) / 120


OTHERS = {
    "shares": (lambda points: points / (640, 480), "shares of the frame.*units='shares'"),
    "shoulder widths": (shoulders_of_one, "normalized"),
    "-1 to 1": (lambda points: points / (320, 240) - 1, "normalized"),
    "meters about the hip": (lambda points: (points - (320, 400)) / 400, "normalized"),
    "all in one place": (lambda points: points * 0 + 7, "too small for a signer"),
    "pixels of a larger frame": (lambda points: points * 4, "lie outside the frame of 640×480"),
    "pixels taken as shares": (lambda points: points * (640, 480), "the units are different"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_numbers_are_found_with_their_cause(name):
    change, cause = OTHERS[name]
    keypoints, confidence = signer()
    assert find_doubt(track(keypoints, confidence)) is None
    doubt = find_doubt(track(change(keypoints), confidence))
    assert doubt is not None
    assert re.search(cause, doubt.reason)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (720, 1280), (1920, 1080)])
def test_swapped_sizes_are_found(width, height):
    # At the long side's end, as far as there the short one does not reach.
    middle = (0.6, 0.5) if width > height else (0.5, 0.65)
    keypoints, confidence = signer(middle=middle, width=width, height=height)
    assert find_doubt(track(keypoints, confidence, width, height)) is None
    doubt = find_doubt(track(keypoints, confidence, height, width))
    assert "swapped" in doubt.reason
    assert f"size=({width}, {height})" in doubt.advice


def test_what_real_clips_are_like_raises_no_doubt():
    keypoints, confidence = signer()
    below = keypoints + np.array([0, 0.35 * 480])  # hands out of the frame at the bottom
    assert find_doubt(track(below, confidence)) is None
    one_hand = confidence * 0
    one_hand[3:5, 7:28] = 1
    assert find_doubt(track(keypoints * 0.3, one_hand)) is None
    few = confidence * 0
    few[:, 0] = 1  # a nose alone has no size
    assert find_doubt(track(keypoints, few)) is None
    assert find_doubt(track(keypoints, confidence * 0)) is None


def test_real_keypoints_raise_no_doubt(shared_data):
    clips = 0
    for path in sorted(shared_data.glob("keypoints_*/*.npz")):
        with np.load(path) as file:
            kp49, offsets = file["kp49"], file["offsets"]
        for first, last in list(pairwise(offsets))[::40]:
            values = kp49[first:last].astype(np.float64)
            found = find_doubt(track(values[..., :2] * (640, 480), np.clip(values[..., 2], 0, 1)))
            assert found is None, (path.name, first, found)
            clips += 1
    assert clips > 400


@pytest.mark.parametrize("name", SIZES)
def test_real_keypoints_of_mmpose_in_other_numbers(shared_data, name):
    width, height = SIZES[name]
    found = read_mmpose_json(shared_data / f"video_mmpose_pair/{name}.mmpose133.json")
    points, scores = found.keypoints.astype(np.float64), np.clip(found.scores, 0, 1)
    assert find_doubt(track(points, scores, width, height)) is None
    assert "shares" in find_doubt(track(points / (width, height), scores, width, height)).reason
    unit = np.linalg.norm(points[:, 1] - points[:, 4], axis=1).mean()
    middle = points[:, [1, 4]].mean(axis=1, keepdims=True)
    assert "normalized" in find_doubt(track((points - middle) / unit, scores, width, height)).reason
    if name == "FOOTBALL":  # all of SOUP lies where both frames are
        assert "swapped" in find_doubt(track(points, scores, height, width)).reason


def test_validation_finds_what_was_imported_before_anybody_looked(tmp_path, provenance):
    keypoints, confidence = signer()
    tracks = {
        "good": track(keypoints, confidence),
        "shares 1": track(keypoints / (640, 480), confidence),
        "shares 2": track(keypoints / (640, 480), confidence),
        "dropped": track(keypoints * (640, 480), confidence),
    }
    stored = [
        quantize(
            PoseTrack.with_missing(
                ClipInfo(name, "", fps=25, width=640, height=480, end=12),
                one.keypoints,
                one.confidence,
                one.frame_index,
                one.time,
            )
        )
        for name, one in tracks.items()
    ]
    assert stored[-1].clamped == 12 * 49
    write_shard(tmp_path / "out.h5", provenance, stored, 48)
    with PoseShards.open(tmp_path / "out.h5") as file:
        errors = [finding.text for finding in validate(file) if finding.kind == "error"]
    assert len(errors) == 2
    shares, dropped = sorted(errors, key=lambda text: "dropped" in text)
    assert shares.startswith("clip shares 1 (and 1 more clips): ")
    assert "units='shares'" in shares
    assert "100% of the keypoints lie outside" in dropped

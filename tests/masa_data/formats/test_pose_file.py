"""Reading .pose files, beside pose-format's own reader, and files that lie."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest

import masa_data
from masa_data.corpora.clip import Clip
from masa_data.errors import DataError
from masa_data.formats.pose.header import Component, PoseHeader
from masa_data.formats.pose.points import HOLISTIC, OPENPOSE, WHOLEBODY
from masa_data.formats.pose.reading import read_pose
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES, MEDIAPIPE_POSE_INDICES
from tests.conftest import make_track


def read(path):
    return read_pose(Clip(path.stem, path, str(path), "folder"))


@pytest.mark.parametrize("name", ["FOOTBALL", "SOUP"])
def test_a_real_file_is_read_as_pose_format_reads_it(shared_data, name):
    pose_format = pytest.importorskip("pose_format")
    path = shared_data / f"video_mmpose_pair/{name}.mmposewholebody.pose"
    found = read(path)
    with path.open("rb") as file:
        pose = pose_format.Pose.read(file.read())
    np.testing.assert_array_equal(found.keypoints, pose.body.data.data[:, 0, COCO_WHOLEBODY_INDICES])
    np.testing.assert_array_equal(found.scores, pose.body.confidence[:, 0, COCO_WHOLEBODY_INDICES])
    stated = found.stated
    assert (stated.width, stated.height) == (pose.header.dimensions.width, pose.header.dimensions.height)
    assert stated.fps == pose.body.fps
    assert found.skeleton == "coco-wholebody"


def holistic(data, confidence):
    """A file of MediaPipe's 33 + 21 + 21 points, called as MediaPipe calls them, written by pose-format."""
    pose_format = pytest.importorskip("pose_format")
    from mediapipe.python.solutions import holistic as names
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    hand = list(names.HandLandmark._member_names_)
    components = [
        PoseHeaderComponent("POSE_LANDMARKS", list(names.PoseLandmark._member_names_), [], [], "XYZC"),
        PoseHeaderComponent("FACE_LANDMARKS", ["0", "1"], [(0, 1)], [(255, 0, 0)], "XYZC"),
        PoseHeaderComponent("LEFT_HAND_LANDMARKS", hand, [], [], "XYZC"),
        PoseHeaderComponent("RIGHT_HAND_LANDMARKS", hand, [], [], "XYZC"),
    ]
    header = PoseHeader(0.2, PoseHeaderDimensions(640, 360, 100), components)
    return pose_format.Pose(header, NumPyPoseBody(25.0, data, confidence))


def test_a_holistic_file_written_by_pose_format(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.uniform(0, 360, (5, 1, 77, 3)).astype(np.float32)
    confidence = (rng.random((5, 1, 77)) * (rng.random((5, 1, 77)) > 0.3)).astype(np.float32)
    with (tmp_path / "a.pose").open("wb") as file:
        holistic(data, confidence).write(file)
    found = read(tmp_path / "a.pose")
    places = [*MEDIAPIPE_POSE_INDICES, *range(35, 77)]
    np.testing.assert_array_equal(found.keypoints, data[:, 0, places, :2])
    np.testing.assert_array_equal(found.scores, confidence[:, 0, places])
    assert (found.skeleton, found.stated.fps) == ("holistic", 25.0)


def test_of_two_people_the_one_who_moves_the_hands_is_taken(tmp_path):
    data = np.zeros((20, 2, 77, 3), np.float32)
    data[:, 0, :, 0], data[:, 1, :, 0] = 100, 400
    data[..., 1] = np.linspace(0, 100, 77)
    data[:, :, [11, 12], 0] += (-40, 40)
    data[::2, 1, [15, 16], 1] += 60
    with (tmp_path / "a.pose").open("wb") as file:
        holistic(data, np.ones((20, 2, 77), np.float32)).write(file)
    found = read(tmp_path / "a.pose")
    assert found.several_people
    assert (found.keypoints[:, 0, 0] == 400).all()


@pytest.mark.parametrize("layout", [HOLISTIC, WHOLEBODY, OPENPOSE], ids=lambda layout: layout.name)
def test_every_layout_that_is_written_is_found_again(tmp_path, layout):
    numbers = np.arange(2 * 49 * 3, dtype="<f4")
    header = PoseHeader(64, 48, layout.written(), 30.0, 2, 1)
    (tmp_path / "a.pose").write_bytes(header.written() + numbers.tobytes())
    found = read(tmp_path / "a.pose")
    np.testing.assert_array_equal(found.keypoints.ravel(), numbers[: 2 * 49 * 2])
    assert found.skeleton == layout.name


def good():
    return PoseHeader(64, 48, WHOLEBODY.written(), 30.0, 2, 1).written() + bytes(2 * 49 * 3 * 4)


def changed(**changes):
    facts = {
        "width": 64,
        "height": 48,
        "components": WHOLEBODY.written(),
        "fps": 30.0,
        "frames": 2,
        "people": 1,
    }
    return PoseHeader(**(facts | changes)).written() + bytes(2 * 49 * 3 * 4)


def renamed(place, **changes):
    components = list(WHOLEBODY.written())
    old = components[place]
    components[place] = Component(
        **({"name": old.name, "format": old.format, "points": old.points} | changes)
    )
    return changed(components=tuple(components))


WRONG = {
    "nothing": (b"", "header that ends early"),
    "text": (b"hello, this is no pose file", "version"),
    "old version": (struct.pack("<f", 0.0) + good()[4:], "version 0 of the .pose format"),
    "later version": (struct.pack("<f", 0.3) + good()[4:], "version 0.3"),
    "NaN as version": (struct.pack("<f", float("nan")) + good()[4:], "version nan"),
    "four billion frames": (changed(frames=2**32 - 1), "bytes of numbers, expected 2,525,"),
    "no frames": (changed(frames=0), "bytes of numbers"),
    "no people": (changed(people=0), "bytes of numbers"),
    "65535 people": (changed(people=65535), "bytes of numbers"),
    "no width": (changed(width=0), "frames of 0×48"),
    "no rate": (changed(fps=0.0), "at 0 frames/s"),
    "rate NaN": (changed(fps=float("nan")), "at nan frames/s"),
    "no components": (struct.pack("<f4H", 0.2, 1, 1, 0, 0), "0 components"),
    "65535 components": (struct.pack("<f4H", 0.2, 1, 1, 0, 65535), "65535 components"),
    "65535 points": (
        struct.pack("<f4H", 0.2, 1, 1, 0, 1) + b"\1\0A\3\0XYC" + struct.pack("<3H", 65535, 0, 0),
        "header that ends early",
    ),
    "another skeleton": (renamed(0, name="SMPL"), "found the components"),
    "no left hand": (renamed(1, name="LEFT_FOOT"), "no component LEFT_HAND"),
    "no nose": (renamed(0, points=("neck", *WHOLEBODY.body[1:])), "no point nose"),
    "20 points": (renamed(2, points=WHOLEBODY.hand[:20]), "20 points in RIGHT_HAND"),
    "one coordinate": (
        changed(components=tuple(Component(c.name, "C", c.points) for c in WHOLEBODY.written())),
        "of 0 coordinates",
    ),
    "half": (good()[:-7], "found 1,169 bytes of numbers, expected 1,176"),
    "more": (good() + b"\0", "found 1,177 bytes"),
    "name that is no UTF-8": (good().replace(b"BODY", b"\xff\xff\xff\xff"), "not UTF-8"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_content_is_refused_in_one_line(tmp_path, name):
    content, expected = WRONG[name]
    (tmp_path / "a.pose").write_bytes(content)
    with pytest.raises(DataError, match=expected) as error:
        read(tmp_path / "a.pose")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_every_kind_of_damage_is_a_clip_or_one_line(tmp_path):
    whole, rng = good(), np.random.default_rng(0)
    broken = [whole[:end] for end in range(0, len(whole), 13)]
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[rng.integers(900)] ^= int(rng.integers(1, 256))
        broken.append(bytes(flipped))
    for content in broken:
        (tmp_path / "a.pose").write_bytes(content)
        try:
            found = read(tmp_path / "a.pose")
        except DataError as error:
            reason = str(error)
        else:
            reason = "" if len(found.keypoints) == 2 else "other frames\n"
        assert "\n" not in reason


@pytest.mark.parametrize("fps", [1e-40, 0.0005, 20_000.0, float("inf"), float("nan"), -25.0])
def test_a_rate_that_no_video_has_is_refused(tmp_path, fps):
    """With 1e-40 frames a second every time would be infinite."""
    masa_data.save_pose([make_track("a", 4)], tmp_path / "out")
    (path,) = (tmp_path / "out").glob("*.pose")
    header = PoseHeader.read(io.BytesIO(path.read_bytes()))
    body = path.read_bytes()[len(header.written()) :]
    path.write_bytes(replace(header, fps=fps).written() + body)
    with pytest.raises(DataError, match=r"expected at least 1×1 and 0\.001 to 10000 frames/s"):
        masa_data.load_pose(path)

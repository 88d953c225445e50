"""What people hold, by the commands: NLA-SLR's and Uni-Sign's pickles, a file an image, padded arrays."""

import json
import pickle
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from masa_cli import convert

from masa_data import PoseShards
from masa_data.formats.mmpose_json import read_mmpose_json
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES

SIZE = ("--size", "320x240", "--fps", 25)


def call(*arguments, code=0):
    result = CliRunner().invoke(convert.main, list(map(str, arguments)))
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def failures(out):
    lines = out.with_name(out.name + ".failures.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def soup(shared_data):
    """The 133 points, (T, 133, 3), of a real clip of 320×240."""
    frames = json.loads((shared_data / "video_mmpose_pair/SOUP.mmpose133.json").read_text())
    people = [frame["instances"][0] for frame in frames]
    return np.array(
        [np.column_stack([one["keypoints"], one["keypoint_scores"]]) for one in people], np.float32
    )


def assert_is_soup(track, soup, frames=None):
    expected = soup[:frames, COCO_WHOLEBODY_INDICES]
    np.testing.assert_allclose(track.keypoints, expected[..., :2], rtol=0, atol=320 / 43690 + 1e-3)
    np.testing.assert_allclose(track.confidence, np.clip(expected[..., 2], 0, 1), rtol=0, atol=1 / 255)
    np.testing.assert_array_equal(track.frame_index, np.arange(len(expected)))


@pytest.mark.parametrize("form", ["arrays", "dicts"])
def test_one_pickle_of_many_clips(soup, tmp_path, form):
    content = {"train/soup/0001": soup, "book/7": soup[:9], "alone": soup[:5], "bad": soup[:, :17]}
    if form == "dicts":
        content = {name: {"keypoints": part} for name, part in content.items()}
    (tmp_path / "nla.pkl").write_bytes(pickle.dumps(content))
    call("masa-pickle", tmp_path / "nla.pkl", tmp_path / "out.h5", *SIZE, code=3)
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert list(tracks) == ["train/soup/0001", "book/7", "alone"]
        assert_is_soup(tracks["train/soup/0001"], soup)
        assert_is_soup(tracks["book/7"], soup, 9)
        infos = [tracks[name].info for name in tracks]
    assert [(info.gloss, info.split) for info in infos] == [("soup", "train"), ("book", ""), ("", "")]
    (problem,) = failures(tmp_path / "out.h5")
    assert problem["clip"] == "bad"
    assert "(41, 17, 3)" in problem["reason"]
    call("pyskl", tmp_path / "nla.pkl", tmp_path / "no.h5", "--fps", 25, code=3)
    assert failures(tmp_path / "no.h5")[0]["advice"] == "Use masa-convert masa-pickle"


@pytest.mark.parametrize("others", [0, 1])
def test_uni_signs_lists_in_shares(soup, tmp_path, others):
    someone = np.random.default_rng(0).uniform(0.8, 0.9, (others, 133, 2)).astype(np.float32)  # stands still
    shares = soup[..., :2] / np.array([320, 240], np.float32)
    keypoints, scores = [], []
    for frame, score in zip(shares, soup[..., 2], strict=True):
        keypoints.append(np.concatenate([frame[None], someone]))
        scores.append(np.stack([score, *[score * 0.5] * others]))
    keypoints[3], scores[3] = keypoints[3][:0], scores[3][:0]  # nobody is seen
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"keypoints": keypoints, "scores": scores}))
    call("masa-pickle", tmp_path / "a.pkl", tmp_path / "no.h5", *SIZE, code=3)
    assert "--units shares" in failures(tmp_path / "no.h5")[0]["reason"]
    call("masa-pickle", tmp_path / "a.pkl", tmp_path / "out.h5", *SIZE, "--units", "shares")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        track = tracks["a"]
    expected = soup.copy()
    assert not track.confidence[3].any()
    for part in (track.keypoints, track.confidence):
        part[3] = 0
    expected[3] = 0
    assert_is_soup(track, expected)
    assert track.info.several_people == bool(others)


def images(soup, folder, name, first=0):
    folder.mkdir(parents=True)
    for number, frame in enumerate(soup, first):
        person = {"keypoints": frame[:, :2].tolist(), "keypoint_scores": frame[:, 2].tolist()}
        people = [] if number == first + 2 else [person | {"bbox": [[0, 0, 320, 240]], "bbox_score": 1.0}]
        (folder / name.format(number)).write_text(json.dumps(people))


@pytest.mark.parametrize(
    ("name", "first"), [("{:06d}.json", 0), ("frame_{}.json", 0), ("img ({}).json", 1), ("a-{:03d}.json", 1)]
)
def test_a_file_an_image_is_a_clip_of_all_of_the_folder(soup, tmp_path, name, first):
    images(soup[:12], tmp_path / "in/test/soup/one", name, first)
    people = json.loads((tmp_path / "in/test/soup/one" / name.format(first)).read_text())
    whole = json.dumps([{"frame_id": 0, "instances": people}])
    (tmp_path / "in/test/soup/00335.json").write_text(whole)  # a number, and yet a clip of its own
    call("mmpose", tmp_path / "in", tmp_path / "out.h5", *SIZE)
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert sorted(tracks) == ["test/soup/00335", "test/soup/one"]
        track = tracks["test/soup/one"]
        assert (track.info.gloss, track.info.split) == ("soup", "test")
    expected = soup[:12].copy()
    assert not track.confidence[2].any()
    for part in (track.keypoints, track.confidence):
        part[2] = 0
    expected[2] = 0
    assert_is_soup(track, expected)
    warned = [problem["reason"] for problem in failures(tmp_path / "out.h5")] if first else []
    assert ["numbered from 1 to 12" in reason for reason in warned] == [True] * first
    one = next((tmp_path / "in/test/soup/one").iterdir())
    call("mmpose", one, tmp_path / "no.h5", *SIZE, code=3)
    assert failures(tmp_path / "no.h5")[0]["advice"].startswith(
        "Give the folder with the files of all images"
    )


def test_openposes_frames_from_1_stand_beside_their_video(shared_data, soup, tmp_path):
    """Images that ffmpeg wrote count from 1, and OpenPose calls its files after them."""
    for first in (0, 1):
        folder = tmp_path / str(first) / "SOUP"
        folder.mkdir(parents=True)
        for number, frame in enumerate(soup, first):
            body = np.zeros((25, 3))
            body[[0, 5, 6, 7, 2, 3, 4]] = frame[COCO_WHOLEBODY_INDICES[:7]]
            hands = {
                f"hand_{side}_keypoints_2d": frame[start : start + 21].ravel().tolist()
                for side, start in (("left", 91), ("right", 112))
            }
            person = {"pose_keypoints_2d": body.ravel().tolist(), **hands}
            (folder / f"SOUP_{number:012d}_keypoints.json").write_text(json.dumps({"people": [person]}))
        out = tmp_path / f"{first}.h5"
        call("openpose", folder.parent, out, "--videos", shared_data / "video_mmpose_pair")
        with PoseShards.open(out) as tracks:
            assert_is_soup(tracks["SOUP"], soup)
    assert "numbered from 1 to 41" in failures(tmp_path / "1.h5")[0]["reason"]


def annotation(soup, **changes):
    facts = {
        "frame_dir": "a",
        "label": 0,
        "img_shape": (240, 320),
        "total_frames": len(soup),
        "keypoint": soup[None, ..., :2],
        "keypoint_score": soup[None, ..., 2],
    }
    return facts | changes


@pytest.mark.parametrize(("behind", "warned"), [(0.0, 0), (1.0, 1)])
def test_pyskls_padding_is_no_frames(soup, tmp_path, behind, warned):
    padded = np.concatenate([soup, behind * soup[:20]])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([annotation(padded, total_frames=41)]))
    call("pyskl", tmp_path / "a.pkl", tmp_path / "out.h5", "--fps", 25)
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert_is_soup(tracks["a"], soup)
        assert tracks["a"].info.end == 41
    if warned:
        assert "20 later frames" in failures(tmp_path / "out.h5")[0]["reason"]


@pytest.mark.parametrize("total", [0, 42, -1, None, "41", 41.5])
def test_pyskls_total_that_cannot_be_is_told(soup, tmp_path, total):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([annotation(soup, total_frames=total)]))
    call("pyskl", tmp_path / "a.pkl", tmp_path / "out.h5", "--fps", 25, code=3)
    assert "expected 1 to the 41 frames" in failures(tmp_path / "out.h5")[0]["reason"]


def test_sizes_the_other_way_round_are_found_and_mended(shared_data, tmp_path):
    found = read_mmpose_json(shared_data / "video_mmpose_pair/FOOTBALL.mmpose133.json")
    points = {"keypoint": found.keypoints[None], "keypoint_score": found.scores[None], "total_frames": 62}
    rows = [annotation(np.zeros((62, 49, 3)), img_shape=(640, 360), **points)]  # (width, height)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(rows))
    call("pyskl", tmp_path / "a.pkl", tmp_path / "no.h5", "--fps", 25, code=3)
    assert "probably swapped (--size " in failures(tmp_path / "no.h5")[0]["reason"]
    call("pyskl", tmp_path / "a.pkl", tmp_path / "out.h5", "--fps", 25, "--swap-size")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert (tracks["a"].info.width, tracks["a"].info.height) == (640, 360)


@pytest.mark.parametrize("form", ["mmpose", "npz", "parquet"])
def test_who_found_the_keypoints_can_be_declared(shared_data, soup, tmp_path, form):
    source = tmp_path / "a.json"
    shutil.copyfile(shared_data / "video_mmpose_pair/SOUP.mmpose133.json", source)
    command, options = ("mmpose", source), SIZE
    if form == "npz":
        kp49 = soup[:, COCO_WHOLEBODY_INDICES] / np.array([320, 240, 1], np.float32)
        kp49[..., 2] = np.clip(kp49[..., 2], 0, 1)
        np.savez(tmp_path / "a.npz", kp49=kp49, offsets=[0, len(kp49)], label=["soup"])
        command = ("npz", tmp_path / "a.npz")
    elif form == "parquet":
        call(*command, tmp_path / "x.h5", *SIZE)
        call("export", tmp_path / "x.h5", tmp_path / "a.parquet", "--to", "parquet")
        call("parquet", tmp_path / "a.parquet", tmp_path / "no.h5", "--estimator", "mediapipe", code=3)
        assert "mmpose-import" in failures(tmp_path / "no.h5")[0]["reason"]
        return
    call(*command, tmp_path / "out.h5", *options, "--estimator", "mediapipe")
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        estimator = tracks.provenance.estimator
    assert (estimator.name, estimator.version, estimator.declared) == ("mediapipe", "unknown", True)
    assert estimator.weights_sha256 == ""
    call(*command, tmp_path / "own.h5", *options)
    with PoseShards.open(tmp_path / "own.h5") as tracks:
        own = tracks.provenance.estimator
    assert (own.name, own.declared) == (f"{form}-import", False)
    call("merge", tmp_path / "out.h5", tmp_path / "own.h5", tmp_path / "m.h5", "--prefix", code=2)
    call("merge", tmp_path / "out.h5", tmp_path / "own.h5", tmp_path / "m.h5", "--prefix", "--any-estimator")
    with PoseShards.open(tmp_path / "m.h5") as tracks:
        assert tracks.provenance.estimator.name == f"mediapipe+{form}-import"

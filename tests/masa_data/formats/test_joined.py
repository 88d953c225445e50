"""Keypoint files that are named like a corpus's clips or videos, joined with its lists."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from cli.convert import main
from masa_data import PoseShards
from tests.conftest import make_track

HEADER = "Participant ID,Video file,Gloss,ASL-LEX Code\n"


def convert(*arguments):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert "Traceback" not in done.output
    return done


def facts(path):
    with PoseShards.open(path) as tracks:
        infos = [track.info for track in tracks.values()]
    return {one.id: (one.corpus, one.gloss, one.label, one.split, one.signer) for one in infos}


def poses(write, folder, *names):
    """Files of pose-format under these names, without the list that an export adds."""
    tracks = write(*(make_track(name, 4) for name in names))
    assert convert("export", tracks.path, folder, "--to", "pose").exit_code == 0
    (folder / "clips.csv").unlink()
    return folder


@pytest.fixture
def asl_citizen(tmp_path):
    root = tmp_path / "ASL_Citizen"
    root.mkdir()
    (root / "train.csv").write_text(f"{HEADER}P1,01-ABOUT.mp4,ABOUT,A\nP2,02-seedA.mp4,A2,B\n")
    (root / "test.csv").write_text(f"{HEADER}P3,03-ABOUT.mp4,ABOUT,A\n")
    (root / "val.csv").write_text(HEADER)
    return root


def test_pose_files_get_what_the_lists_of_asl_citizen_say(asl_citizen, write, tmp_path):
    folder = poses(write, tmp_path / "poses", "01-ABOUT", "holistic/03-ABOUT", "unknown")
    out = tmp_path / "out.h5"
    done = convert("pose", folder, out, "--corpus", "asl-citizen", "--root", asl_citizen)
    assert done.exit_code == 3
    assert "2 clips, 8 frames imported; 1 failed" in done.output
    assert "the lists of the corpus name no clip 'unknown'" in done.output
    assert "1 of 3 clips of the lists have no keypoints here" in done.output
    assert facts(out) == {
        "01-ABOUT": ("asl-citizen", "ABOUT", 0, "train", "P1"),
        "03-ABOUT": ("asl-citizen", "ABOUT", 0, "test", "P3"),
    }


def test_files_named_like_the_videos_are_found_too(write, tmp_path):
    (tmp_path / "train_labels.csv").write_text("signer0_sample1,41\nsigner0_sample2,7\n")
    folder = poses(write, tmp_path / "poses", "train/signer0_sample1_color", "signer0_sample2")
    out = tmp_path / "out.h5"
    assert convert("pose", folder, out, "--corpus", "autsl", "--root", tmp_path).exit_code == 0
    assert facts(out) == {
        "signer0_sample2": ("autsl", "", 7, "train", "signer0"),
        "signer0_sample1": ("autsl", "", 41, "train", "signer0"),
    }


def test_two_files_of_one_clip_cost_one_line(asl_citizen, write, tmp_path):
    folder = poses(write, tmp_path / "poses", "a/01-ABOUT", "b/01-ABOUT")
    out = tmp_path / "out.h5"
    done = convert("pose", folder, out, "--corpus", "asl-citizen", "--root", asl_citizen)
    assert "found clip '01-ABOUT' again, expected each once" in done.output
    assert list(facts(out)) == ["01-ABOUT"]


def frame(x):
    body = [[x, 100.0, 0.9]] * 25
    hand = [[x, 120.0, 0.8]] * 21
    flat = {"pose_keypoints_2d": body, "hand_left_keypoints_2d": hand, "hand_right_keypoints_2d": hand}
    people = [{name: np.ravel(points).tolist() for name, points in flat.items()}]
    return json.dumps({"version": 1.2, "people": people})


@pytest.mark.parametrize("layout", ["folders", "one folder"])
def test_openpose_of_wlasl_in_the_layouts_its_users_have(shared_data, tmp_path, layout):
    """A folder for each video with image_00001_keypoints.json, or all videos in one folder; real ids."""
    for name in ("nslt_100.json", "wlasl_class_list.txt"):
        shutil.copy(shared_data / "annotations_wlasl" / name, tmp_path)
    folder = tmp_path / "pose_per_individual_videos"
    for video in ("69241", "07069"):
        for number in range(1, 4):
            name = f"{video}/image_{number:05d}" if layout == "folders" else f"{video}_{number:012d}"
            path = folder / f"{name}_keypoints.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(frame(10.0 * number))
    out = tmp_path / "out.h5"
    done = convert(
        *("openpose", folder, out, "--size", "256x256", "--fps", 25),
        *("--corpus", "wlasl", "--root", tmp_path),
    )
    assert done.exit_code == 0, done.output
    assert facts(out) == {
        "07069": ("wlasl", "book", 0, "train", ""),
        "69241": ("wlasl", "book", 0, "train", ""),
    }
    with PoseShards.open(out) as tracks:
        assert tracks["07069"].frame_index.tolist() == [0, 1, 2]
        np.testing.assert_allclose(tracks["07069"].keypoints[:, 0, 0], [10, 20, 30], atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--corpus", "mine", "--root", "."],
            "found 'mine' with --root, expected a corpus with lists: wlasl",
        ),
        (
            ["--corpus", "asl-citizen", "--root", "."],
            "found no list in . and the folders in it, expected train",
        ),
        (["--annotations", "."], "--annotations has no effect without --root"),
    ],
)
def test_wrong_usage_costs_one_line(write, tmp_path, monkeypatch, arguments, expected):
    poses(write, tmp_path / "poses", "a")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = convert("pose", tmp_path / "poses", tmp_path / "out.h5", *arguments)
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.h5").exists()

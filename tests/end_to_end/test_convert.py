"""masa-convert as a user runs it, on what others extracted."""

import hashlib
import json
import pickle
import shutil
import time

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES

ASSUMED = ("--size", "640x360", "--fps", "29.97")
WIDTH = {"FOOTBALL": 640, "SOUP": 320}


def failures(out):
    lines = (out.parent / f"{out.name}.failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def original(shared_data, name):
    """(T, 49, 2) pixels and (T, 49) raw scores in MMPose's file."""
    frames = json.loads((shared_data / f"video_mmpose_pair/{name}.mmpose133.json").read_text())
    people = [frame["instances"][0] for frame in frames]
    return (
        np.array([person["keypoints"] for person in people])[:, COCO_WHOLEBODY_INDICES],
        np.array([person["keypoint_scores"] for person in people])[:, COCO_WHOLEBODY_INDICES],
    )


def assert_equals_original(track, shared_data, name):
    """To the format's resolution: half a step of the longer side / 21,845, and half of 1/255."""
    keypoints, scores = original(shared_data, name)
    half_step = max(track.info.width, track.info.height) / 43690
    np.testing.assert_allclose(track.keypoints, keypoints, rtol=0, atol=half_step * 1.001 + 1e-4)
    np.testing.assert_allclose(track.confidence, np.clip(scores, 0, 1), rtol=0, atol=0.5 / 255 * 1.001)


def test_mmpose_json_with_its_videos_equals_the_json(shared_data, tmp_path, call):
    out = tmp_path / "out.h5"
    pair = shared_data / "video_mmpose_pair"
    call("masa-convert", "mmpose", pair, out, "--videos", pair, "--model", "hrnet")
    call("masa-inspect", out, "--validate")
    call("masa-inspect", out, "--clip", "FOOTBALL", "--overlay", tmp_path / "overlay.png")
    with PoseShards.open(out) as tracks:
        assert list(tracks) == ["FOOTBALL", "SOUP"]
        for name, track in tracks.items():
            assert_equals_original(track, shared_data, name)
            assert (track.info.width, track.info.height) == (
                WIDTH[name],
                WIDTH[name] * (9 if name == "FOOTBALL" else 12) // 16,
            )
            assert track.info.fps == pytest.approx(29.97, abs=0.01)
            assert track.info.source_sha256 == hashlib.sha256((pair / f"{name}.mp4").read_bytes()).hexdigest()
            assert track.info.path == str(pair / f"{name}.mp4")
            np.testing.assert_allclose(track.time, np.arange(len(track)) / track.info.fps, rtol=1e-6)
            assert np.isfinite(track.box).all()
            assert not track.info.several_people
        estimator, notes = tracks.provenance.estimator, tracks.provenance.notes
        assert (estimator.name, estimator.version) == ("mmpose-import", "hrnet")
        assert notes["size"] == notes["fps"] == "from videos"
        scores = np.concatenate([original(shared_data, name)[1].ravel() for name in tracks])
        assert tracks.provenance.raw_scores == pytest.approx((scores.min(), scores.max()), abs=0.005)


def test_what_is_assumed_is_recorded_and_folders_give_glosses(shared_data, tmp_path, call):
    for gloss, name in (("ball", "FOOTBALL"), ("food", "SOUP")):
        (tmp_path / "poses" / "train" / gloss).mkdir(parents=True)
        shutil.copy(
            shared_data / f"video_mmpose_pair/{name}.mmpose133.json", tmp_path / "poses/train" / gloss
        )
    call("masa-convert", "mmpose", tmp_path / "poses", tmp_path / "out.h5", *ASSUMED)
    # The path it came from is a file of keypoints, which nobody should try to play.
    drawn = call("masa-inspect", tmp_path / "out.h5", "--overlay", tmp_path / "overlay.png")
    assert "imported without its video" in drawn.stdout
    assert (tmp_path / "overlay.png").stat().st_size > 5000
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert list(tracks) == ["train/ball/FOOTBALL", "train/food/SOUP"]
        assert_equals_original(tracks["train/ball/FOOTBALL"], shared_data, "FOOTBALL")
        infos = [track.info for track in tracks.values()]
        assert [(info.gloss, info.label, info.split) for info in infos] == [
            ("ball", 0, "train"),
            ("food", 1, "train"),
        ]
        assert [(info.width, info.height, info.source_sha256) for info in infos] == [(640, 360, "")] * 2
        notes = tracks.provenance.notes
        assert (notes["size"], notes["fps"]) == ("assumed 640x360", "assumed 29.97")


def test_the_predictions_folder_of_mmposes_scripts(shared_data, tmp_path, call):
    frames = json.loads((shared_data / "video_mmpose_pair/SOUP.mmpose133.json").read_text())
    (tmp_path / "predictions").mkdir()
    rows = [{"frame_id": frame["frame_id"] + 1, "instances": frame["instances"]} for frame in frames]
    (tmp_path / "predictions/results_SOUP.json").write_text(
        json.dumps({"meta_info": {"dataset_name": "coco_wholebody"}, "instance_info": rows}, indent="\t")
    )
    videos = shared_data / "video_mmpose_pair"
    call("masa-convert", "mmpose", tmp_path / "predictions", tmp_path / "out.h5", "--videos", videos)
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        assert_equals_original(tracks["SOUP"], shared_data, "SOUP")
        assert tracks["SOUP"].frame_index[0] == 0


def test_masa_pickles_and_a_malicious_one_among_them(shared_data, tmp_path, call):
    frames = json.loads((shared_data / "video_mmpose_pair/FOOTBALL.mmpose133.json").read_text())
    people = [frame["instances"][0] for frame in frames]
    keypoints = np.concatenate(
        [
            np.array([person["keypoints"] for person in people]),
            np.array([person["keypoint_scores"] for person in people])[..., None],
        ],
        axis=2,
    )
    folder = tmp_path / "keypoints"
    folder.mkdir()
    content = {"keypoints": keypoints, "img_list": [f"image_{n:05d}.jpg" for n in range(len(people))]}
    (folder / "FOOTBALL.pkl").write_bytes(pickle.dumps(content))
    (folder / "evil.pkl").write_bytes(b"cposix\nsystem\n(S'touch " + bytes(tmp_path / "ran") + b"'\ntR.")
    out = tmp_path / "out.h5"
    done = call("masa-convert", "masa-pickle", folder, out, *ASSUMED, code=3)
    assert not (tmp_path / "ran").exists()
    assert "1 clip, 62 frames imported; 1 failed" in done.stdout
    assert [(problem["clip"], problem["kind"]) for problem in failures(out)] == [("evil", "failed")]
    assert "found 'posix.system' in the pickle" in failures(out)[0]["reason"]
    with PoseShards.open(out) as tracks:
        assert_equals_original(tracks["FOOTBALL"], shared_data, "FOOTBALL")


def test_npz_files_in_full(shared_data, tmp_path, call):
    """9,703 clips of 186 labels."""
    out = tmp_path / "out.h5"
    files = sorted((shared_data / "keypoints_signs").glob("*.npz"))
    start = time.monotonic()
    call("masa-convert", "npz", *files, out, "--size", "640x480", "--fps", "30")
    assert time.monotonic() - start < 60
    call("masa-inspect", out, "--validate")
    with PoseShards.open(out) as tracks:
        assert (len(tracks), tracks.frames) == (9703, 251_867)
        glosses, labels = tracks.column("gloss").tolist(), tracks.column("label").tolist()
        assert [sorted(set(glosses))[label] for label in labels] == glosses
        assert len(set(glosses)) == 186
        number = 0
        for path in files:
            with np.load(path, allow_pickle=False) as content:
                kp49, offsets = content["kp49"], content["offsets"]
                assert glosses[number : number + len(offsets) - 1] == content["label"].tolist()
                splits = tracks.column("split")[number : number + len(offsets) - 1]
                assert splits.tolist() == content["split"].tolist()
                for clip in range(0, len(offsets) - 1, 50):
                    expected = kp49[offsets[clip] : offsets[clip + 1]]
                    track = tracks.track(number + clip)
                    known = expected[..., 2] > 0
                    np.testing.assert_array_equal(track.confidence > 0, known)
                    np.testing.assert_allclose(
                        track.keypoints[known],
                        (expected[..., :2] * (640, 480))[known],
                        rtol=0,
                        atol=640 / 43690 * 1.001 + 1e-4,
                    )
                    np.testing.assert_allclose(track.confidence, expected[..., 2], rtol=0, atol=1 / 255)
                number += len(offsets) - 1


def test_relabel_names_the_three_real_clips_from_wlasls_list(shared_data, tmp_path, call):
    """Files of keypoints in folders of no meaning, labeled afterwards; and none of the frames changes."""
    for number, name in enumerate(("69241", "07069", "30173", "mine")):
        path = tmp_path / "poses" / "x" / f"{name}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        keypoints = np.random.default_rng(number).uniform(0, 1, (5 + number, 133, 3)) * (640, 360, 1)
        path.write_bytes(pickle.dumps({"keypoints": keypoints}))
    out = tmp_path / "out.h5"
    call("masa-convert", "masa-pickle", tmp_path / "poses", out, *ASSUMED)
    with PoseShards.open(out) as tracks:
        before = {clip_id: tracks.stored(number).payload() for number, clip_id in enumerate(tracks)}
    lists = shared_data / "annotations_wlasl/WLASL_v0.3.json"
    arguments = ("--corpus", "wlasl", "--root", tmp_path, "--annotations", lists)
    done = call("masa-convert", "relabel", out, *arguments, "--dry-run")
    with PoseShards.open(out) as tracks:
        assert tracks["x/69241"].info.corpus == "folder"
    done = call("masa-convert", "relabel", out, *arguments)
    assert "3 of 4 clips are in the lists; 3 change" in done.stdout
    assert "1 are not in the lists and are left unchanged: x/mine" in done.stdout
    assert "21,080 clips of the lists are not in" in done.stdout
    call("masa-inspect", out, "--validate")
    with PoseShards.open(out) as tracks:
        facts = {
            clip_id: (
                track.info.corpus,
                track.info.gloss,
                track.info.label,
                track.info.split,
                track.info.signer,
            )
            for clip_id, track in tracks.items()
        }
        assert facts == {
            "x/69241": ("wlasl", "book", 0, "train", "118"),
            "x/07069": ("wlasl", "book", 0, "train", "31"),
            "x/30173": ("wlasl", "interesting", 1144, "test", "39"),
            "x/mine": ("folder", "x", 0, "", ""),
        }
        assert {clip_id: tracks.stored(number).payload() for number, clip_id in enumerate(tracks)} == before
    done = call("masa-convert", "relabel", out, *arguments)
    assert "0 change" in done.stdout
    done = call("masa-convert", "split", out, "--by", "random")
    assert "Assigned 1 clip to splits" in done.stdout
    assert "Every clip has a split already" in call("masa-convert", "split", out, "--by", "random").stdout


def pickles(folder, *names):
    folder.mkdir()
    keypoints = np.random.default_rng(0).random((3, 133, 3)) * (640, 360, 1)
    for name in names:
        (folder / f"{name}.pkl").write_bytes(pickle.dumps({"keypoints": keypoints}))
    return folder


def test_what_cannot_be_imported_costs_a_line_and_not_the_rest(tmp_path, call):
    folder = pickles(tmp_path / "poses", "good", "other")
    (folder / "half.pkl").write_bytes((folder / "good.pkl").read_bytes()[:100])
    (folder / "empty.pkl").write_bytes(b"")
    (folder / "broken.pkl").symlink_to(folder / "nowhere")
    (folder / "notes.txt").write_text("")
    out = tmp_path / "out.h5"
    done = call("masa-convert", "masa-pickle", folder, folder / "good.pkl", out, *ASSUMED, code=3)
    assert "2 clips, 6 frames imported; 4 failed" in done.stdout
    assert sorted(problem["clip"] for problem in failures(out)) == ["broken", "empty", "good", "half"]
    assert done.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "out.h5.failures.jsonl", "poses"]


def test_videos_that_are_missing_or_too_short_are_told(tmp_path, shared_data, call):
    folder = pickles(tmp_path / "poses", "FOOTBALL", "nowhere")
    (folder / "SOUP.pkl").write_bytes(pickle.dumps({"keypoints": np.ones((60, 133, 3))}))
    (folder / "...pkl").write_bytes((folder / "FOOTBALL.pkl").read_bytes())  # its name is ".."
    out = tmp_path / "out.h5"
    call(
        "masa-convert",
        "masa-pickle",
        folder,
        folder / "...pkl",
        out,
        "--videos",
        shared_data / "video_mmpose_pair",
        code=3,
    )
    reasons = {problem["clip"]: problem["reason"] for problem in failures(out)}
    assert "found no video 'nowhere'" in reasons["nowhere"]
    assert "up to frame 60, expected no more than the 41 frames" in reasons["SOUP"]
    assert "found no video '..'" in reasons[".."]
    with PoseShards.open(out) as tracks:
        assert list(tracks) == ["FOOTBALL"]
        assert tracks["FOOTBALL"].info.end == 3


def test_scores_of_simcc_models_are_noted(tmp_path, call):
    folder = tmp_path / "poses"
    folder.mkdir()
    keypoints = np.random.default_rng(0).random((3, 133, 3)) * (640, 360, 0) + (0, 0, 7.5)
    (folder / "a.pkl").write_bytes(pickle.dumps({"keypoints": keypoints}))
    out = tmp_path / "out.h5"
    call("masa-convert", "masa-pickle", folder, out, *ASSUMED)
    assert failures(out)[0]["kind"] == "warning"
    assert "scores reach 7.50 and are clipped to 1" in failures(out)[0]["reason"]


def test_an_output_that_is_there_is_not_touched(tmp_path, call):
    folder = pickles(tmp_path / "poses", "a")
    out = tmp_path / "out.h5"
    call("masa-convert", "masa-pickle", folder, out, *ASSUMED)
    before = out.read_bytes()
    done = call("masa-convert", "masa-pickle", folder, out, *ASSUMED, code=2)
    assert "already exists" in done.stderr
    (folder / "a.pkl").write_bytes(b"")
    done = call("masa-convert", "masa-pickle", folder, out, *ASSUMED, "--overwrite", code=3)
    assert "No clip could be imported" in done.stdout
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("masa-pickle", "poses", "out.h5"), "found no option to give them"),
        (("masa-pickle", "poses", "out.h5", "--size", "640x360"), "found --size to give them"),
        (("masa-pickle", "poses", "out.h5", "--videos", "poses", "--fps", "25"), "--videos and --fps"),
        (("masa-pickle", "poses", "out.h5", "--size", "0x360", "--fps", "25"), "expected WIDTHxHEIGHT"),
        (("masa-pickle", "poses", "--size", "9x9", "--fps", "25"), "an output file that ends in .h5"),
        (("npz", "poses/a.pkl", "out.h5"), "found no option to give them"),
        (("relabel", "poses/a.pkl", "--corpus", "wlasl", "--root", "."), "is not an HDF5 file"),
        (("split", "nowhere.h5", "--by", "random"), "does not exist"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path, call, arguments, expected):
    pickles(tmp_path / "poses", "a")
    done = call("masa-convert", *arguments, code=2, cwd=tmp_path)
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["poses"]

"""Each corpus as it lies on disk, through masa-extract and masa-inspect, with the real annotation rows."""

import json
import shutil

import cv2
import numpy as np
import pytest

from masa_data import PoseDataset, PoseShards


def render(path, frames, fps=25.0, size=(64, 48)):
    """A small video, or a folder of images if the name has no ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [np.full((size[1], size[0], 3), 5 * number % 256, np.uint8) for number in range(frames)]
    if not path.suffix:
        path.mkdir()
        for number, image in enumerate(images, 1):
            cv2.imwrite(str(path / f"image_{number:05d}.jpg"), image)
        return
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    for image in images:
        writer.write(image)
    writer.release()


def failures(out):
    lines = (out.parent / f"{out.name}.failures.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def facts(tracks, clip_id):
    info = tracks[clip_id].info
    return (info.gloss, info.label, info.split, info.signer), (info.start, info.end), len(tracks[clip_id])


def test_the_three_real_clips_of_wlasl(shared_data, tmp_path, run):
    out = tmp_path / "out.h5"
    lists = shared_data / "annotations_wlasl" / "WLASL_v0.3.json"
    arguments = ("--corpus", "wlasl", "--root", shared_data / "video_wlasl3", "--annotations", lists)
    done = run("masa-extract", *arguments, out, code=3)
    assert "21,080 more are in the lists but not on disk" in done.stdout
    with PoseShards.open(out) as tracks:
        assert facts(tracks, "69241") == (("book", 0, "train", "118"), (0, 75), 75)
        assert facts(tracks, "07069") == (("book", 0, "train", "31"), (0, 30), 30)
        assert facts(tracks, "30173") == (("interesting", 1144, "test", "39"), (0, 39), 39)
        # The list's box, in the source's pixels, is where the signer was looked for.
        rows = {
            row["video_id"]: row["bbox"]
            for entry in json.loads(lists.read_text())
            for row in entry["instances"]
        }
        np.testing.assert_allclose(tracks["69241"].box[0], rows["69241"], atol=1)
    dataset = PoseDataset.open(out, subset="wlasl100")
    assert {dataset.info(number).id for number in range(len(dataset))} == {"69241", "07069"}
    assert "clips failed 0 " in " ".join(done.stdout.split())
    assert "21,080 clips of the lists are not on disk; masa-corpus check wlasl" in done.stdout
    assert "failed:" not in done.stdout
    assert len(failures(out)) < 10  # the lists' own contradictions, not a line for every clip
    inspected = json.loads(run("masa-inspect", out, "--json").stdout)
    assert inspected["splits"] == {"wlasl": {"train": 2, "test": 1}}


def test_wlasl_recordings_are_cut_at_another_rate(shared_data, tmp_path, run):
    """Row 45835: frames 24 to 63 at 25 a second, of a recording at 30."""
    render(tmp_path / "WLASL/raw_videos/Qc7Dc_qF5NI.mkv", 100, fps=30, size=(360, 240))
    shutil.copy(shared_data / "annotations_wlasl/WLASL_v0.3.json", tmp_path / "WLASL")
    out = tmp_path / "out.h5"
    run("masa-extract", "--corpus", "wlasl", "--root", tmp_path / "WLASL", out, code=3)
    with PoseShards.open(out) as tracks:
        assert facts(tracks, "45835") == (("rabbit", 123, "test", "9"), (28, 76), 48)
        assert tracks["45835"].frame_index.tolist() == list(range(28, 76))
        assert tracks["45835"].time[0] == pytest.approx(28 / 30, abs=1e-3)


def test_msasl_recordings_are_cut_by_time_and_cropped_by_box(shared_data, tmp_path, run):
    for name in ("MSASL_train.json", "MSASL_val.json", "MSASL_test.json", "MSASL_classes.json"):
        shutil.copy(shared_data / "annotations_msasl" / name, tmp_path)
    row = json.loads((tmp_path / "MSASL_train.json").read_text())[0]
    video = row["url"].rpartition("=")[2]
    render(tmp_path / f"{video}.mp4", 120, fps=30, size=(64, 36))
    out = tmp_path / "out.h5"
    run("masa-extract", "--corpus", "msasl", "--root", tmp_path, out, code=3)
    with PoseShards.open(out) as tracks:
        track = tracks["train/00000"]
        end = round(row["end_time"] * 30)
        assert facts(tracks, "train/00000")[0] == (row["text"], row["label"], "train", str(row["signer_id"]))
        assert (track.info.start, track.info.end) == (0, end)
        y0, x0, y1, x1 = row["box"]
        expected = np.array([x0 * 64, y0 * 36, x1 * 64, y1 * 36])
        np.testing.assert_allclose(track.box[0], expected, atol=1.01)


def test_slr500_and_its_signer_rule(tmp_path, run):
    root = tmp_path / "SLR500"
    for name in ("000/P36_01_00_0", "000/P37_01_00_0", "499/P01_25_19_4"):
        render(root / f"{name}._color.mp4", 9)
    (root / "dictionary.txt").write_text("000000\t情况\n000499\t被套\n", encoding="utf-8")
    lists = tmp_path / "split.train.csv"
    names = ("000/P36_01_00_0", "000/P37_01_00_0", "499/P01_25_19_4")
    lists.write_text("video_path,class_name\n" + "".join(f"{name}._color.mp4,x\n" for name in names))
    out = tmp_path / "out.h5"
    run("masa-extract", "--corpus", "slr500", "--root", root, "--annotations", lists, out)
    with PoseShards.open(out) as tracks:
        assert facts(tracks, "000/P36_01_00_0") == (("情况", 0, "train", "P36"), (0, 9), 9)
        assert facts(tracks, "000/P37_01_00_0") == (("情况", 0, "test", "P37"), (0, 9), 9)
        assert facts(tracks, "499/P01_25_19_4") == (("被套", 499, "train", "P01"), (0, 9), 9)


def test_nmfs_csl_frame_folders(tmp_path, run):
    for clip, frames in (("0/P01_1", 9), ("610/P01_2", 11), ("0/P02_1", 10)):
        render(tmp_path / "jpg_video" / clip, frames)
    (tmp_path / "trainlist01.txt").write_text("0/P01_1 0\n610/P01_2 610\n")
    (tmp_path / "testlist01.txt").write_text("0/P02_1\n")
    out = tmp_path / "out.h5"
    run("masa-extract", "--corpus", "nmfs-csl", "--root", tmp_path, out)
    with PoseShards.open(out) as tracks:
        assert facts(tracks, "610/P01_2") == (("", 610, "train", ""), (0, 11), 11)
        assert facts(tracks, "0/P02_1")[0] == ("", 0, "test", "")
        assert np.isnan(tracks["0/P02_1"].info.fps)
    assert len(PoseDataset.open(out, subset="confusing")) == 2
    assert "errors" in run("masa-inspect", out, "--validate").stdout


def test_gsl_frame_folders_with_real_rows(shared_data, tmp_path, run):
    """Rows of the real lists: the gloss identifies a class, so glosses are numbered within the file."""
    for name in ("police1_signer1_rep1_glosses/glosses0001", "health1_signer3_rep1_glosses/glosses0000"):
        render(tmp_path / "frames" / name, 9)
    out = tmp_path / "out.h5"
    lists = shared_data / "annotations_gsl"
    done = run("masa-extract", "--corpus", "gsl", "--root", tmp_path, "--annotations", lists, out, code=3)
    assert "40,824 more are in the lists but not on disk" in done.stdout
    with PoseShards.open(out) as tracks:
        names = ("health1_signer3_rep1_glosses/glosses0000", "police1_signer1_rep1_glosses/glosses0001")
        assert [facts(tracks, name)[0] for name in names] == [
            ("ΓΕΙΑ", 0, "val", "signer3"),
            ("ΕΓΩ(1)", 1, "train", "signer1"),
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "wlasl", "out.h5"], "--corpus and --root must be given together"),
        (["--corpus", "wlasl", "--root", ".", "videos", "out.h5"], "expected INPUT... (or --corpus)"),
        (["--corpus", "wlasl", "--root", ".", "out.h5"], "WLASL_v0.3.json"),
        (["--corpus", "how2sign", "--root", ".", "out.h5"], "is not one of"),
    ],
)
def test_wrong_usage(tmp_path, run, arguments, message):
    done = run("masa-extract", *arguments, code=2, cwd=tmp_path)
    assert message in done.stderr
    assert "Traceback" not in done.stderr

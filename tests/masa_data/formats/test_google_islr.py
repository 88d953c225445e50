"""Google's landmark files: read as pandas reads them, a line for a wrong file, listed in constant memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.landmarks import write_clip, write_list
from cli.convert import main
from masa_data import PoseShards
from masa_data.errors import DataError
from masa_data.formats.google_islr import read_islr_list

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[3]
BODY = [0, 11, 13, 15, 12, 14, 16]  # MediaPipe's nose, then shoulder, elbow and wrist of each side


@pytest.fixture
def data(tmp_path):
    """Three clips of three signers."""
    write_list(tmp_path / "train.csv", 3, 3)
    for number in range(3):
        write_clip(tmp_path / f"train_landmark_files/{number}/{number}.parquet", 3 + number, number)
    (tmp_path / "sign_to_prediction_index_map.json").write_text('{"sign0": 7, "sign1": 0, "sign2": 5}')
    return tmp_path


def convert(data, *arguments):
    out = data / "out.h5"
    arguments = ("google-islr", data / "train.csv", out, "--overwrite", *arguments)
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert "Traceback" not in done.output
    return done, out


def expected_of(path, width, height):
    """What pandas finds: (T, 49, 2) pixels, NaN = missing."""
    table = pandas.read_parquet(path)
    frames = []
    for _, rows in table.groupby("frame"):
        points = rows.set_index(["type", "landmark_index"])[["x", "y"]]
        order = [("pose", place) for place in BODY]
        order += [(hand, place) for hand in ("left_hand", "right_hand") for place in range(21)]
        frames.append(points.loc[order].to_numpy() * (width, height))
    return np.array(frames), table["frame"].unique()


def test_the_clips_are_what_pandas_reads(data):
    done, out = convert(data, "--size", "300x400", "--estimator", "mediapipe")
    assert done.exit_code == 0, done.output
    with PoseShards.open(out) as tracks:
        facts = [
            (t.info.id, t.info.gloss, t.info.label, t.info.signer, t.info.split) for t in tracks.values()
        ]
        assert facts == [
            ("0/0", "sign0", 7, "0", ""),
            ("1/1", "sign1", 0, "1", ""),
            ("2/2", "sign2", 5, "2", ""),
        ]
        for number, track in enumerate(tracks.values()):
            path = data / f"train_landmark_files/{number}/{number}.parquet"
            points, frames = expected_of(path, 300, 400)
            np.testing.assert_allclose(track.keypoints, points, atol=0.01)
            np.testing.assert_array_equal(track.confidence, ~np.isnan(points[..., 0]))
            assert track.frame_index.tolist() == frames.tolist()
            assert track.time[0] == pytest.approx(20 / 30)
        assert tracks.provenance.notes == {"size": "assumed 300x400", "fps": "assumed 30"}
        assert tracks.provenance.estimator.name == "mediapipe"
    assert "warning" not in done.output  # a missing landmark is nothing to warn of


def test_splits_by_signer_are_offered(data):
    write_list(data / "train.csv", 10, 10)
    for number in range(10):
        write_clip(data / f"train_landmark_files/{number}/{number}.parquet", 2, number)
    done, out = convert(data)
    assert (
        f"there are 10 signers. To assign whole signers: masa-convert split {out} --by signer" in done.output
    )
    done = CliRunner().invoke(main, ["split", str(out), "--by", "signer"])
    assert done.exit_code == 0, done.output
    with PoseShards.open(out) as tracks:
        splits = [track.info.split for track in tracks.values()]  # of ten signers with one clip each
        assert [splits.count(split) for split in ("train", "val", "test")] == [7, 1, 2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.drop(columns="x"), "found no column x"),
        (lambda table: table.assign(landmark_index=-1), "found a landmark_index outside 0 to 542"),
        (lambda table: table.assign(landmark_index=0), "found a landmark twice in one frame"),
        (lambda table: table.assign(frame=-table.frame), "expected frames from 0"),
        (lambda table: table.assign(frame="a"), "found object in the column frame, expected integers"),
        (lambda table: table.assign(y="a"), "found object in the column y, expected numbers"),
        (lambda table: table.assign(type=3), "expected body and hands in the column type"),
        (lambda table: table[:0], "expected body and hands"),
        (lambda table: table.assign(x=table.x * 1000), "100% of the keypoints lie outside the frame"),
    ],
)
def test_a_wrong_file_costs_one_line_and_the_others_are_kept(data, change, expected):
    path = data / "train_landmark_files/1/1.parquet"
    change(pandas.read_parquet(path)).to_parquet(path)
    done, out = convert(data)
    assert done.exit_code == 3
    (line,) = (out.parent / "out.h5.failures.jsonl").read_text().splitlines()
    problem = json.loads(line)
    assert problem["path"] == str(path)
    assert expected in problem["reason"] or expected in problem["advice"], problem
    with PoseShards.open(out) as tracks:
        assert len(tracks) == 2


def test_a_half_file_and_a_missing_one(data):
    path = data / "train_landmark_files/1/1.parquet"
    path.write_bytes(path.read_bytes()[:-500])
    (data / "train_landmark_files/2/2.parquet").unlink()
    done, _ = convert(data)
    assert done.exit_code == 3
    assert "1 clip, 3 frames imported; 2 failed" in done.output
    assert "found no Parquet file of landmarks" in done.output


@pytest.mark.parametrize(
    "row",
    [
        "../secret.parquet,1,2,a",
        "/etc/a.parquet,1,2,a",
        "a/../b.parquet,1,2,a",
        "a.txt,1,2,a",
        "a.parquet,1,2,",
    ],
)
def test_a_path_out_of_the_folder_is_refused(tmp_path, row):
    path = tmp_path / "train.csv"
    path.write_text(f"path,participant_id,sequence_id,sign\n{row}\nb/c.parquet,1,2,d\n")
    problem, sound = read_islr_list(path)
    assert problem.reason.startswith(f"{path}:2: found '{row}'"[:60])
    assert sound.path == "b/c.parquet"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"path,label\na,b\n", "found the columns path, label, expected path, participant_id"),
        (b"", "found the columns none"),
        (b"path,participant_id,sequence_id,sign\n\xff", "found bytes that are not UTF-8"),
        (b"path,participant_id,sequence_id,sign\n" + b"a" * 10_000, "found a line of 4,096 characters"),
        (b'path,participant_id,sequence_id,sign\n"a', "found no valid CSV"),
    ],
)
def test_a_wrong_list_costs_one_line(tmp_path, content, expected):
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        list(read_islr_list(path))
    done, _ = convert(tmp_path)
    assert done.exit_code == 3
    assert expected in done.output


_LISTED = """
import sys, time
from pathlib import Path
from masa_data.formats.google_islr import read_islr_list
from tests.measuring import peak_kilobytes
start = time.process_time()
count = sum(1 for _ in read_islr_list(Path(sys.argv[1])))
print(count, time.process_time() - start, peak_kilobytes())
"""


def listed(path):
    command = [sys.executable, "-c", _LISTED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    count, seconds, kilobytes = done.stdout.split()
    return int(count), float(seconds), int(kilobytes)


def test_a_million_rows_are_listed_in_ten_seconds_and_constant_memory(tmp_path):
    write_list(tmp_path / "few.csv", 1_000, 1_000)
    write_list(tmp_path / "many.csv", 1_000_000, 1_000_000)
    few, _, least = listed(tmp_path / "few.csv")
    many, seconds, most = listed(tmp_path / "many.csv")
    print(f"{many:,} rows in {seconds:.1f} s, {most - least:,} kB more than for {few:,}")
    assert (few, many) == (1_000, 1_000_000)
    assert seconds < 10
    assert most - least < 5_000

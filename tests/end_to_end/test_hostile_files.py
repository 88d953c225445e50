"""Files that lie, and a good one among them: each costs one line, and together little memory and time."""

import json
import pickle
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from masa_data import PoseShards
from masa_data.formats.parquet.table import POINT_COLUMNS
from masa_data.formats.pose.header import PoseHeader
from masa_data.formats.pose.points import WHOLEBODY
from masa_data.tracks.skeleton import COCO_WHOLEBODY_INDICES
from tests import hostile_files, hostile_tables
from tests.measuring import measure

ASSUMED = ("--size", "640x360", "--fps", "25")
OPTIONS = {
    "mmpose": ASSUMED,
    "openpose": ASSUMED,
    "masa-pickle": ASSUMED,
    "pyskl": ("--fps", "25"),
    "pose": (),
    "npz": ASSUMED,
    "parquet": (),
}
FILES = {
    "mmpose": hostile_files.mmpose,
    "openpose": hostile_files.openpose,
    "masa-pickle": hostile_files.masa_pickle,
    "pyskl": hostile_files.pyskl,
    "pose": hostile_files.pose,
    "npz": hostile_tables.npz,
    "parquet": hostile_tables.parquet,
}
MAX_MEGABYTES = 1000
MAX_SECONDS = 60


@pytest.mark.parametrize("source", OPTIONS)
def test_each_costs_one_line_and_the_good_one_comes_through(source, tmp_path):
    if source == "parquet":
        pytest.importorskip("pyarrow")
    folder = tmp_path / "hostile"
    folder.mkdir()
    expected = FILES[source](folder)
    inputs = [folder]
    if source in ("pyskl", "npz", "parquet"):
        # A link to nothing that is named is wrong usage; in a folder it costs a line.
        expected = {name: reason for name, reason in expected.items() if (folder / name).exists()}
        good = next(folder.glob("good.*"))
        inputs = [*(folder / name for name in expected), good]
    out = tmp_path / "out.h5"
    code, output, megabytes, seconds = measure("convert", tmp_path, source, *inputs, out, *OPTIONS[source])
    print(f"{source}: {len(expected)} hostile files, {megabytes:.0f} MB, {seconds:.1f} s")
    assert "Traceback" not in output, output
    assert code == 3, output
    problems = [json.loads(line) for line in (tmp_path / "out.h5.failures.jsonl").read_text().splitlines()]
    found = Counter(Path(problem["path"]).relative_to(folder).parts[0] for problem in problems)
    assert found == Counter(expected.keys())
    for problem in problems:
        name = Path(problem["path"]).relative_to(folder).parts[0]
        assert problem["kind"] == "failed"
        assert re.search(expected[name], problem["reason"]), problem
        assert "\n" not in problem["reason"]
        assert len(problem["reason"]) < 300
        assert problem["advice"]
    assert not (folder / "ran").exists(), "code in a file ran"
    with PoseShards.open(out) as tracks:
        assert len(tracks) == 1
    assert megabytes < MAX_MEGABYTES
    assert seconds < MAX_SECONDS


def with_odd_numbers(width, height):
    """(3, 49, 3) x, y, confidence: in the first frame NaN, both infinities and 1e30."""
    points = np.random.default_rng(0).uniform(0.1, 0.9, (3, 49, 3)) * (width, height, 1)
    points[0, :4, 0] = np.nan, np.inf, -np.inf, 1e30
    points[0, 4, 2] = np.nan
    return points


def write_odd_numbers(source, folder):
    points = with_odd_numbers(1, 1) if source == "npz" else with_odd_numbers(640, 360)
    whole = np.full((3, 133, 3), 0.5)
    whole[:, COCO_WHOLEBODY_INDICES] = points
    if source == "masa-pickle":
        path = folder / "a.pkl"
        path.write_bytes(pickle.dumps({"keypoints": whole}))
    elif source == "pyskl":
        path = folder / "a.pkl"
        row = {"frame_dir": "a", "label": 0, "img_shape": (360, 640), "keypoint": points[None]}
        path.write_bytes(pickle.dumps([row]))
    elif source == "pose":
        path = folder / "a.pose"
        header = PoseHeader(640, 360, WHOLEBODY.written(), 25.0, 3, 1).written()
        numbers = points.astype("<f4")
        path.write_bytes(header + numbers[..., :2].tobytes() + numbers[..., 2].tobytes())
    elif source == "npz":
        path = folder / "a.npz"
        np.savez(path, kp49=points, offsets=[0, 3], label=["tea"])
    else:
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet")
        path = folder / "a.parquet"
        columns = dict(zip(POINT_COLUMNS, points.reshape(3, -1).T, strict=True))
        facts = {"id": ["a"] * 3, "width": [640] * 3, "height": [360] * 3, "frame_index": range(3)}
        pa.parquet.write_table(pa.table({**facts, **columns}), path)
    return path


@pytest.mark.parametrize("source", ["masa-pickle", "pyskl", "pose", "npz", "parquet"])
def test_positions_that_are_no_numbers_are_missing_and_told(source, tmp_path, run):
    path = write_odd_numbers(source, tmp_path)
    done = run("masa-convert", source, path, tmp_path / "out.h5", *OPTIONS[source])
    assert "1 clip, 3 frames imported; 0 failed" in done.stdout
    (line,) = (tmp_path / "out.h5.failures.jsonl").read_text().splitlines()
    assert json.loads(line)["kind"] == "warning"
    assert re.search(r"5 of 147 keypoints are not finite|4 keypoints have a confidence but no", line), line
    with PoseShards.open(tmp_path / "out.h5") as tracks:
        (track,) = tracks.values()
        assert np.flatnonzero(track.confidence[0] == 0).tolist() == [0, 1, 2, 3, 4]
        assert (track.confidence[1:] > 0).all()

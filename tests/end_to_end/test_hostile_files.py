"""Files that lie, and a good one among them: each costs one line, and together little memory and time."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from masa_data import PoseShards
from tests import hostile_files
from tests.measuring import measure_convert

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
MAX_MEGABYTES = 1000
MAX_SECONDS = 60


@pytest.mark.parametrize("source", OPTIONS)
def test_each_costs_one_line_and_the_good_one_comes_through(source, tmp_path):
    if source == "parquet":
        pytest.importorskip("pyarrow")
    folder = tmp_path / "hostile"
    folder.mkdir()
    expected = getattr(hostile_files, source.replace("-", "_"))(folder)
    inputs = [folder]
    if source in ("pyskl", "npz", "parquet"):
        good = next(folder.glob("good.*"))
        inputs = [*(folder / name for name in expected), good]
    out = tmp_path / "out.h5"
    code, output, megabytes, seconds = measure_convert(tmp_path, source, *inputs, out, *OPTIONS[source])
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

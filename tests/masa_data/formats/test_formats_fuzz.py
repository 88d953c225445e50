"""Files of other projects' formats with bytes changed at random: one line, or tracks that can be stored."""

import importlib.util
import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fuzz_formats import FORMATS

MOST_MEGABYTES = 1000


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FORMATS)
def test_no_change_ends_otherwise_than_in_one_line_or_possible_tracks(name, count, tmp_path):
    if name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_formats", name, str(count), "20250", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    facts = json.loads(done.stdout)
    print(name, facts)
    assert sum(facts["counts"].values()) == count
    assert facts["megabytes"] < MOST_MEGABYTES
    assert facts["counts"]["refused"] > count / 10

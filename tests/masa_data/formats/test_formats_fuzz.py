"""Files of other projects' formats with bytes changed at random: one line, or tracks that can be stored."""

import importlib.util

import pytest

from tests.fuzz_formats import FORMATS
from tests.fuzzing import fuzzed


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FORMATS)
def test_no_change_ends_otherwise_than_in_one_line_or_possible_tracks(name, count, tmp_path):
    if name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed")
    assert fuzzed("tests.fuzz_formats", [name], count, tmp_path)["refused"] > count / 10

"""Files with bytes changed at random: refused in one line, or what is read is what was written."""

import pytest

from tests.fuzzing import fuzzed

VOUCHED = ("the original", "refused", "opened, damaged clips refused and named by validation")


def fuzz(kind, version, count, folder):
    return fuzzed("tests.fuzz_shards", (kind, version), count, folder)


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("shard", 300),
        ("index", 100),
        pytest.param("shard", 5000, marks=pytest.mark.slow),
        pytest.param("index", 5000, marks=pytest.mark.slow),
    ],
)
def test_no_change_of_a_file_goes_unnoticed(kind, count, tmp_path):
    counts = fuzz(kind, 2, count, tmp_path)
    assert all(outcome.startswith(VOUCHED) for outcome in counts)
    assert counts["refused: checksum"] > count / 10
    if kind == "shard":
        assert counts[VOUCHED[2]] > count / 10


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("shard", 100),
        ("index", 50),
        pytest.param("shard", 5000, marks=pytest.mark.slow),
        pytest.param("index", 5000, marks=pytest.mark.slow),
    ],
)
def test_no_change_of_a_file_of_version_1_ends_otherwise_than_in_one_line(kind, count, tmp_path):
    counts = fuzz(kind, 1, count, tmp_path)
    assert counts["refused: HDF5 cannot read it"] > count / 10

"""Parquet files that are none, or hold other things than tracks."""

import re
from pathlib import Path

import numpy as np
import pytest

import masa_data
from masa_data.errors import DataError
from masa_data.formats.export import export
from masa_data.formats.parquet.reading import ParquetClips

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


@pytest.fixture
def table(made_up, tmp_path):
    export(made_up, "parquet", tmp_path / "good.parquet")
    return pandas.read_parquet(tmp_path / "good.parquet")


def outcomes(path):
    with ParquetClips(path) as clips:
        return list(clips.tracks("folder"))


def test_other_files_are_refused_in_one_line(tmp_path, table):
    whole = (tmp_path / "good.parquet").read_bytes()
    path = tmp_path / "a.parquet"
    for content in (
        b"",
        b"hello",
        b"PAR1",
        whole[:1000],
        whole[:-1],
        whole[:-4] + b"PAR2",
        b"PAR1" + bytes(9),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match="found no Parquet file") as error:
            outcomes(path)
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="does not exist"):
        outcomes(tmp_path / "no.parquet")


def test_damage_in_the_middle_is_told_and_never_a_crash(tmp_path, table):
    whole, rng = (tmp_path / "good.parquet").read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        (tmp_path / "a.parquet").write_bytes(flipped)
        try:
            problems = [
                problem.reason for found in outcomes(tmp_path / "a.parquet") for problem in found.problems
            ]
        except DataError as error:
            problems = [str(error)]
        assert all("\n" not in problem for problem in problems)


@pytest.mark.parametrize("column", ["id", "width", "frame_index", "nose_x", "right_hand_little_4_confidence"])
def test_a_column_that_is_needed_is_missed(tmp_path, table, column):
    table.drop(columns=[column]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=f"found no column {column}"):
        outcomes(tmp_path / "a.parquet")


WRONG = {
    "texts as numbers": ("nose_x", "hello", "found (large_)?string in the column nose_x"),
    "confidence above 1": ("nose_confidence", 7.0, "confidence spans"),
    "half a frame": ("frame_index", 0.5, "frame_index that are not integers"),
    "frames going back": ("frame_index", 3, "does not increase"),
    "no width": ("width", 0, "frames of 0×"),
    "huge width": ("width", 1e300, "expected an integer"),
    "odd split": ("split", "sometimes", "has split 'sometimes'"),
    "empty id": ("id", "", "an empty id"),
    "NUL": ("gloss", "a\0b", "NUL"),
    "negative end": ("end", -5, "0 ≤ start ≤ end"),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_content_costs_a_line(tmp_path, table, name):
    column, value, expected = WRONG[name]
    rows = table[table.id == "book/1"].copy()
    rows[column] = value
    rows.to_parquet(tmp_path / "a.parquet")
    (found,) = outcomes(tmp_path / "a.parquet")
    assert found.track is None
    (problem,) = found.problems
    assert re.search(expected, problem.reason), problem.reason


def test_two_glosses_in_one_clip_cost_that_clip_alone(tmp_path, table):
    table["gloss"] = table.gloss.astype(str)
    table.loc[1, "gloss"] = "other"
    table.to_parquet(tmp_path / "a.parquet")
    first, *others = outcomes(tmp_path / "a.parquet")
    assert "several values of gloss" in first.problems[0].reason
    assert [found.problems for found in others] == [()] * 4


def test_positions_that_are_lost_are_told(tmp_path, table):
    known = int((table.loc[table.id == "book/1", "nose_confidence"] > 0).sum())
    table["nose_x"] = np.nan
    table.to_parquet(tmp_path / "a.parquet")
    found = outcomes(tmp_path / "a.parquet")[0]
    assert found.problems[0].reason.startswith(f"{known} keypoints have a confidence but no position")
    assert (found.track.confidence[:, 0] == 0).all()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        # A row that refers to text 17 of 1: pyarrow would read beyond its texts.
        ("index_beyond_dictionary", "found damage .*Dictionary indices invalid"),
        # Metadata of a column at which pyarrow ends the whole process, if it is asked for this column.
        ("damaged_column_metadata", "found damage"),
    ],
)
def test_a_damaged_file_is_one_line(name, said):
    path = Path(__file__).parent / "damaged" / f"{name}.parquet"
    with pytest.raises(DataError, match=said) as refused:
        masa_data.load_parquet(path)
    assert "\n" not in str(refused.value)

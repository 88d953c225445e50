"""The table of docs/reproduction.md: nobody is asked about what they learned from; what is printed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.few_shot import cell_name, cells, measure_cell, table
from benchmarks.few_shot_rows import SHOTS, drawn, settings_of
from benchmarks.few_shot_runs import table_of_runs
from masa_data import PoseDataset


@pytest.fixture(scope="module")
def signs(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("signs") / "signs.h5"
    files = sorted((shared_data / "keypoints_signs").glob("*.npz"))
    command = Path(sys.executable).parent / "masa-convert"
    subprocess.run([command, "npz", *files, out, "--size", "640x480", "--fps", "30"], check=True)
    return out


def test_nobody_is_asked_about_what_they_learned_from(signs):
    clips = PoseDataset.open(signs)
    split, gloss = clips.column("split").astype(str), clips.column("gloss").astype(str)
    signer = clips.column("signer").astype(str)
    rows = {row.name: row for row in settings_of(clips)}
    for row in rows.values():
        assert not set(row.test) & {*row.train, *row.val}, row.name
        assert not (split[row.test] == "train").any(), row.name  # which pre-training sees
        assert (row.targets[row.test] >= 0).all(), row.name
        learned = drawn(row, seed=1)
        assert set(learned) <= set(row.train), row.name
        assert set(row.targets[row.test]) <= set(row.targets[learned]), row.name
        if row.shots is not None:
            assert np.bincount(row.targets[learned]).max() <= row.shots, row.name
    for shots in SHOTS:
        row = rows[f"{shots} clip{'s' if shots > 1 else ''} a class"]
        assert (len(row.test), row.targets.max() + 1) == (2823, 136)
        assert len(drawn(row, seed=0)) == 136 * shots
    crossing = rows["signer s2 to s3, 5 clips a class"]
    assert set(signer[crossing.train]) == {"traduttore/s2"}
    assert set(signer[crossing.test]) == {"traduttore/s3"}
    assert (len(rows["50 WLASL glosses"].train), len(rows["50 WLASL glosses"].test)) == (256, 41)
    for name, asked in (("Laya303", 79), ("Jeet10", 72), ("Neat11", 54)):
        row = rows[f"{name} left out, 30 clips a class"]
        assert len(row.test) == asked
        assert all(text.startswith(f"{name}/") for text in gloss[row.test])
        assert not any(text.startswith(f"{name}/") for text in gloss[row.train])


def test_a_cell_is_measured_and_the_table_shows_it(signs, tmp_path):
    row = settings_of(PoseDataset.open(signs))[5]
    found, seconds = measure_cell(signs, tmp_path / "not needed", (row.name, "logistic regression", 0))
    assert found > 3 / (row.targets.max() + 1)  # three times chance
    assert seconds > 0
    accuracy = {f"{row.name} / logistic regression / {seed}": value for seed, value in enumerate((0.5, 0.6))}
    line = table([row], accuracy).splitlines()[2]
    assert line.startswith(f"| {row.name} | 55.0 ± 7.1 (2) | – |")


def test_the_docs_show_the_cells_that_were_measured(signs):
    docs = Path(__file__).parents[2] / "docs"
    accuracy = json.loads((docs / "measured/few-shot.json").read_text())
    rows = settings_of(PoseDataset.open(signs))
    known = {cell_name(row.name, column, seed) for row, column, seed in cells(rows)}
    assert set(accuracy) == known
    assert table(rows, accuracy) in (docs / "reproduction.md").read_text(encoding="utf-8")


def test_runs_stand_side_by_side_over_the_seeds_that_all_have():
    first = {"row / scratch, paper / 0": 0.5, "row / scratch, paper / 1": 0.9}
    first |= {"row / pre-trained, paper / 0": 0.625, "row / pre-trained, paper / 1": 1.0}
    other = {"row / pre-trained, paper / 0": 0.75, "row / pre-trained, tuned / 0": 0.8}
    assert table_of_runs([first, other]).splitlines() == [
        "| | scratch, paper | run 0, paper | run 1, paper | scratch, tuned | run 0, tuned | run 1, tuned |",
        "|---|---|---|---|---|---|---|",
        "| row | 50.0 | 62.5 | 75.0 | – | – | – |",
    ]


def test_the_docs_show_what_the_other_pre_training_runs_gave():
    docs = Path(__file__).parents[2] / "docs"
    names = ("few-shot", "few-shot-1", "few-shot-2")
    runs = [json.loads((docs / f"measured/{name}.json").read_text()) for name in names]
    assert table_of_runs(runs) in (docs / "reproduction.md").read_text(encoding="utf-8")


def test_a_table_that_stops_early_has_every_row_of_the_first_seed(signs):
    rows = settings_of(PoseDataset.open(signs))
    order = [(row.name, seed) for row, column, seed in cells(rows) if column == "scratch, paper"]
    assert [seed for _, seed in order] == [0] * 9 + [1] * 9 + [2] * 9
    assert order[8] == ("10 clips a class", 0)

"""masa-study as a user runs it: stopped and continued, changed, and refused."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from masa_cli.study import main

from masa_model.studies.cells import CellFile
from masa_model.studies.recipe import read_recipe
from tests.masa_model.made_up_signs import NETWORK, signs, write

RECIPE = f"""
title = "A small study"
seeds = 1

[cell]
pretrain.size = "tiny"
pretrain.epochs = 2
pretrain.batch_size = 8
finetune.recipe = "tuned"
finetune.epochs = 4

[cell.pretrain.network]
{chr(10).join(f"{name} = {json.dumps(value)}" for name, value in NETWORK.items())}

[rows."3 clips"]
finetune.data.shots = 3

[columns]
keypoints = {{ learner = "keypoints" }}
scratch = {{ start = "scratch" }}
neighbor = {{ learner = "nearest neighbor" }}
linear = {{ learner = "linear classifier" }}
tuned = {{}}

[differences]
gain = ["tuned", "scratch"]
"""


@pytest.fixture
def study(tmp_path, provenance):
    """A recipe, a file, and the start of the command."""
    data = write(tmp_path / "signs.h5", provenance, signs())
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE)
    return recipe, data, tmp_path / "study"


def ran(recipe: Path, data: Path, folder: Path, *more: str, code: int = 0) -> str:
    found = CliRunner().invoke(
        main, [str(recipe), "--data", str(data), "--run", str(folder), "--device", "cpu", *more]
    )
    assert found.exit_code == code, found.output
    return found.output


def answers(recipe: Path, folder: Path) -> dict:
    results = CellFile(folder / "cells.jsonl").read(read_recipe(recipe))
    return {cell: (result.right, result.per_class) for cell, result in results.items()}


def test_a_study_that_is_stopped_ends_as_one_that_is_not(study, tmp_path):
    recipe, data, folder = study
    whole = ran(recipe, data, folder, "--processes", "1")
    assert "5 cells to measure, 1 at a time on cpu" in whole
    assert "not measured" not in whole
    expected = answers(recipe, folder)
    assert len(expected) == 5

    stopped = tmp_path / "stopped"
    command = [str(Path(sys.executable).parent / "masa-study"), recipe, "--data", data, "--run", stopped]
    process = subprocess.Popen(
        [*map(str, command), "--device", "cpu", "--processes", "1"], stdout=subprocess.PIPE, text=True
    )
    cells = stopped / "cells.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not cells.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert "the same command continues" in said
    done = len(answers(recipe, stopped))
    assert 1 <= done < 5
    with cells.open("ab") as file:
        file.write(b'{"row": "3 clips", "colu')  # as if it had been killed while it wrote
    again = ran(recipe, data, stopped, "--processes", "1")
    assert f"{5 - done} cells to measure" in again
    assert answers(recipe, stopped) == expected

    table = (stopped / "table.md").read_text(encoding="utf-8")
    assert table == (folder / "table.md").read_text(encoding="utf-8")
    assert table in whole
    assert r"\toprule" in (stopped / "table.tex").read_text(encoding="utf-8")
    assert (stopped / "plot.png").read_bytes().startswith(b"\x89PNG")
    shown = json.loads((stopped / "cells.json").read_text(encoding="utf-8"))
    assert len(shown) == 5
    accuracy = {column: shown[f"3 clips / {column} / seed 0 / fold 0"] for column in ("tuned", "scratch")}
    assert f"| {100 * accuracy['tuned']:.1f} (1) |" in table
    assert f"| 3 clips | {100 * (accuracy['tuned'] - accuracy['scratch']):+.1f} (" in table


@pytest.mark.slow
def test_two_processes_measure_what_one_does(study, tmp_path):
    recipe, data, folder = study
    ran(recipe, data, folder, "--processes", "1")
    assert "2 at a time on cpu" in ran(recipe, data, tmp_path / "two", "--processes", "2")
    assert answers(recipe, tmp_path / "two") == answers(recipe, folder)


def test_only_what_was_changed_is_measured_again_and_a_failed_cell_costs_only_itself(study, provenance):
    recipe, data, folder = study
    two_rows = RECIPE.replace("[columns]", '[rows."1 clip"]\nfinetune.data.subset = "wlasl100"\n\n[columns]')
    recipe.write_text(two_rows)
    said = ran(recipe, data, folder, "--only", "keypoints", "--processes", "1", code=3)
    assert "failed: 1 clip / keypoints / seed 0 / fold 0: no clip is of subset wlasl100" in said
    assert "1 job failed" in said
    assert len(answers(recipe, folder)) == 1

    recipe.write_text(two_rows.replace('subset = "wlasl100"', "shots = 1"))
    said = ran(recipe, data, folder, "--only", "keypoints", "--plan")
    assert "1 cell to measure, with 0 pre-trainings; 1 cell measured already" in said
    assert "9 cells to measure, with 1 pre-training;" in ran(recipe, data, folder, "--plan")

    others = write(data.with_name("others.h5"), provenance, signs(train=5))
    assert "the files differ" in ran(recipe, others, folder, code=2)
    (folder / "cells.jsonl").write_text("{}\n")
    assert "cells.jsonl, line 1, is not a result" in ran(recipe, data, folder, "--plan", code=2)


def test_the_list_and_what_is_missing(study):
    said = CliRunner().invoke(main, ["--list"])
    assert said.exit_code == 0
    assert "few-clips" in said.output
    assert "Missing argument 'RECIPE'" in CliRunner().invoke(main, []).output
    assert "Missing option '--data'" in CliRunner().invoke(main, ["few-clips"]).output
    assert "Did you mean few-clips?" in CliRunner().invoke(main, ["few-clip", "--data", "x.h5"]).output

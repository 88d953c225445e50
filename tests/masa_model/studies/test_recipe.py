"""Recipes: what takes precedence, and what is refused before anything is computed."""

from pathlib import Path

import pytest

from masa_data import DataError
from masa_model.evaluation.paper import PAPER
from masa_model.studies.cells import cells_of, pretraining_key, settings_key
from masa_model.studies.recipe import read_recipe, recipe_titles

RECIPE = """
title = "A study"
seeds = 2
pretraining_seeds = 1

[cell]
pretrain.size = "tiny"
finetune.recipe = "tuned"
finetune.epochs = 5

[rows]
one = { finetune.data.shots = 1 }
longer = { finetune.epochs = 9, finetune.data.shots = 3 }

[columns]
paper = { finetune.recipe = "paper", pretrain.alignment.weight = 0.0 }
scratch = { start = "scratch" }
keypoints = { learner = "keypoints" }

[differences]
gain = ["paper", "scratch"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_column_takes_precedence_over_a_row_and_a_row_over_all_cells(tmp_path):
    recipe = read_recipe(written(tmp_path, RECIPE))
    cell = recipe.of("longer", "paper")
    tuning = cell.finetune_settings(seed=7)
    assert (tuning.recipe, tuning.epochs, tuning.data.shots, tuning.seed) == ("paper", 9, 3, 7)
    assert (tuning.size, tuning.network.part) == ("tiny", 64)
    assert cell.pretrain_settings(4).alignment.weight == 0
    assert recipe.of("one", "scratch").finetune_settings(0).epochs == 5


def test_cells_share_a_pre_training_if_all_of_its_settings_are_the_same(tmp_path):
    recipe = read_recipe(written(tmp_path, RECIPE))
    cells = list(cells_of(recipe))
    assert [cell.seed for cell in cells] == [0] * 6 + [1] * 6
    assert len({settings_key(recipe, cell) for cell in cells}) == len(cells)
    keys = {cell: pretraining_key(recipe, cell) for cell in cells}
    assert {cell.column for cell, key in keys.items() if key is None} == {"scratch", "keypoints"}
    assert len({key for key in keys.values() if key}) == 1  # both rows and both seeds
    other = read_recipe(written(tmp_path, RECIPE.replace("weight = 0.0", "weight = 0.1")))
    changed = {cell.column for cell in cells if settings_key(other, cell) != settings_key(recipe, cell)}
    assert changed == {"paper"}
    larger = read_recipe(written(tmp_path, RECIPE.replace('size = "tiny"', 'size = "small"')))
    assert all(settings_key(larger, cell) != settings_key(recipe, cell) for cell in cells)
    more_seeds = read_recipe(written(tmp_path, RECIPE.replace("seeds = 1", "seeds = 2")))
    assert len({pretraining_key(more_seeds, cell) for cell in cells if cell.column == "paper"}) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("finetune.epochs = 5", "finetune.epohcs = 5", "there is no setting 'epohcs'. Did you mean epochs?"),
        ("finetune.epochs = 5", "finetune.epochs = 0", "the setting epochs is 0"),
        ("alignment.weight = 0.0", "motion.interval = [0]", "the setting motion.interval"),
        ('start = "scratch"', 'start = "nothing"', "the setting start is 'nothing'"),
        ('start = "scratch"', "starts = 1", "there is no setting 'starts'"),
        ('["paper", "scratch"]', '["paper", "one"]', "expected two rows or two columns"),
        ('title = "A study"', "", "title"),
        ("[rows]", "[rows", "is not valid TOML"),
        ("seeds = 2", "seeds = 2000000", "seeds"),
        (
            'finetune.recipe = "tuned"',
            'finetune.recipe = "tuned"\nfinetune.network.decoder_blocks = 1',
            "effect in any",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_before_anything_is_computed(tmp_path, old, new, said):
    assert old in RECIPE
    with pytest.raises(DataError) as refused:
        read_recipe(written(tmp_path, RECIPE.replace(old, new, 1)))
    assert said in f"{refused.value.reason}. {refused.value.advice}"
    assert "study.toml" in refused.value.reason


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x = 1\n" * 400_000, b"[" * 5_000])
def test_a_file_that_is_no_recipe_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"study\.toml") as refused:
        read_recipe(path)
    assert "\n" not in refused.value.reason


def test_a_name_that_is_not_known_gets_a_suggestion():
    with pytest.raises(DataError) as refused:
        read_recipe(Path("few-clip"))
    assert "Did you mean few-clips?" in refused.value.advice


def test_assignments_change_all_cells_and_take_precedence(tmp_path):
    path = written(tmp_path, RECIPE)
    recipe = read_recipe(path, ["finetune.epochs=2", 'test=["val"]', "pretrain.size=small"])
    for cell in cells_of(recipe):
        chosen = recipe.of(cell.row, cell.column)
        assert (chosen.finetune_settings(0).epochs, chosen.test) == (2, ("val",))
        assert chosen.finetune_settings(0).size == "small"
    with pytest.raises(DataError, match="there is no setting 'epohcs'"):
        read_recipe(path, ["finetune.epohcs=2"])


def test_the_papers_numbers_are_those_of_its_results(tmp_path):
    """Two recipes and masa-eval give the same numbers, which were typed in twice from the paper."""
    for name, subsets in (("paper-wlasl", (100, 300, 2000)), ("paper-msasl", (100, 200, 1000))):
        recipe = read_recipe(Path(name))
        for count in subsets:
            corpus = name.removeprefix("paper-")
            row = PAPER[f"{corpus}{count}"]
            assert recipe.paper[f"{corpus.upper()}{count}"]["pre-trained"] == (
                row.per_instance[1],
                row.per_class[1],
            )
    noise = read_recipe(Path("paper-table-13"))
    for count in (100, 300, 2000):
        for sigma, numbers in PAPER[f"wlasl{count}"].noise.items():
            assert noise.paper[f"σ = {sigma:g}"][f"WLASL{count}"] == numbers
    best = {name: read_recipe(Path(f"paper-table-{name}")).paper for name in range(6, 14)}
    rows = {6: "motion masks, motion", 7: "k = 3", 8: "MA and SA", 9: "90 %", 10: "λ_s = 0.05"}
    rows |= {11: "ε_m = 5", 12: "δ = 0.5", 13: "σ = 0"}
    for number, row in rows.items():
        assert best[number][row] == {
            "WLASL100": (83.72, 84.47),
            "WLASL300": (73.65, 74.33),
            "WLASL2000": (49.06, 46.91),
        }


@pytest.mark.parametrize("name", recipe_titles())
def test_every_recipe_that_comes_with_the_package_can_be_read(name):
    recipe = read_recipe(Path(name))
    assert recipe.about
    assert len(list(cells_of(recipe))) == (
        recipe.seeds * len(recipe.rows) * len(recipe.columns) * len(recipe.folds())
    )

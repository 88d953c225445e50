"""Numbers of a study against independent computations: NumPy loops and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from masa_model.studies.cells import Cell, CellResult
from masa_model.studies.recipe import Recipe
from masa_model.studies.summary import paired_difference, summarize
from masa_model.studies.tables import differences_table, latex_table, markdown_table

RECIPE = Recipe.model_validate(
    {
        "title": "A study",
        "seeds": 2,
        "left_out": {"column": "gloss", "folds": 2},
        "rows": {"1 % & more": {}, "empty": {}},
        "columns": {"ours": {}, "theirs": {}},
        "differences": {"gain": ("ours", "theirs")},
        "per_class": True,
        "paper": {"1 % & more": {"ours": (83.72, 84.47)}},
    }
)


def results(clips: int = 40) -> tuple[dict[Cell, CellResult], dict[Cell, tuple[np.ndarray, np.ndarray]]]:
    """Random answers of all cells of the first row, and what they were computed from."""
    random = np.random.default_rng(3)
    found, known = {}, {}
    for column, share in (("ours", 0.8), ("theirs", 0.5)):
        for seed in range(2):
            for fold in range(2):
                cell = Cell("1 % & more", column, seed, fold)
                targets = np.random.default_rng(fold).integers(0, 3 + fold, clips + 7 * fold)
                guessed = np.where(random.random(len(targets)) < share, targets, (targets + 1) % 3)
                found[cell] = CellResult.of(cell, "", guessed, targets, unknown=0, seconds=1.0)
                known[cell] = (guessed, targets)
    return found, known


def test_accuracies_are_over_the_clips_and_the_classes_of_all_folds():
    found, known = results()
    summary = summarize(RECIPE, found)
    for column in ("ours", "theirs"):
        for seed in range(2):
            folds = [known[Cell("1 % & more", column, seed, fold)] for fold in range(2)]
            # Classes of different folds are different classes.
            guessed = np.concatenate([guess + 100 * fold for fold, (guess, _) in enumerate(folds)])
            targets = np.concatenate([target + 100 * fold for fold, (_, target) in enumerate(folds)])
            by_clip, by_class = summary.seeds["1 % & more", column][seed]
            assert by_clip == pytest.approx(100 * (guessed == targets).mean())
            assert by_class == pytest.approx(100 * balanced_accuracy_score(targets, guessed))
    assert ("empty", "ours") not in summary.seeds


def test_a_seed_counts_when_all_of_its_folds_are_measured():
    found, _ = results()
    del found[Cell("1 % & more", "ours", 1, 0)]
    summary = summarize(RECIPE, found)
    assert len(summary.seeds["1 % & more", "ours"]) == 1
    assert len(summary.seeds["1 % & more", "theirs"]) == 2
    assert len(summary.differences["gain"]["1 % & more"].by_seed) == 1


def test_the_interval_is_that_of_a_bootstrap_over_seeds_and_clips():
    random = np.random.default_rng(0)
    shares = np.array([[0.1, 0.6, 0.3], [0.2, 0.6, 0.2]] * 4)  # seeds differ more than their clips make them
    apart = np.stack([random.choice([-1.0, 0.0, 1.0], size=150, p=share) for share in shares])
    found = paired_difference(apart)
    assert found.mean == pytest.approx(100 * apart.mean())
    assert found.by_seed == pytest.approx(tuple(100 * apart.mean(1)))
    means = [
        100 * apart[random.integers(8, size=8)][:, random.integers(150, size=150)].mean() for _ in range(4000)
    ]
    assert found.low == pytest.approx(np.quantile(means, 0.025), abs=0.8)
    assert found.high == pytest.approx(np.quantile(means, 0.975), abs=0.8)


def test_answers_are_stored_as_they_are():
    targets = np.arange(13) % 4
    guessed = np.where(np.arange(13) % 3 == 0, targets, targets + 1)
    found = CellResult.of(Cell("r", "c", 0, 0), "", guessed, targets, unknown=2, seconds=0.5)
    again = CellResult.model_validate_json(found.model_dump_json())
    np.testing.assert_array_equal(again.answers, guessed == targets)
    assert (again.clips, again.unknown, again.classes) == (13, 2, 4)


def test_tables_show_mean_spread_number_of_seeds_and_the_papers_numbers():
    found, _ = results()
    summary = summarize(RECIPE, found)
    ours = np.array(summary.seeds["1 % & more", "ours"])
    spread = [f"{ours[:, kind].mean():.1f} ± {ours[:, kind].std(ddof=1):.1f}" for kind in (0, 1)]
    table = markdown_table(RECIPE, summary).splitlines()
    assert table[0] == "|  | ours | theirs |"
    assert table[2].startswith(f"| 1 % & more | {spread[0]} / {spread[1]} (2) [83.72 / 84.47] |")
    assert table[3] == "| empty | – | – |"
    gain = summary.differences["gain"]["1 % & more"]
    assert f"{gain.mean:+.1f} ({gain.low:+.1f} to {gain.high:+.1f})" in differences_table(RECIPE, summary)
    latex = latex_table(RECIPE, summary)
    assert r"1 \% \& more & " + spread[0].replace("±", r"$\pm$") in latex
    assert latex.count(r"\\") == 3

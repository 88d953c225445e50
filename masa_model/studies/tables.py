"""The results of a study as text: a Markdown page and a LaTeX table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from masa_data.texts import counted
from masa_model.studies.cells import Cell, CellResult
from masa_model.studies.recipe import Recipe
from masa_model.studies.summary import Difference, Summary

_NOTHING: Final = "–"
_ESCAPES: Final = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def markdown_page(recipe: Recipe, found: Summary, results: Mapping[Cell, CellResult]) -> str:
    """Return the study as a page: what it asks, the table, the differences and what was tested.

    Args:
        recipe: the study.
        found: its summarized results.
        results: its results by cell.
    """
    parts = [f"# {recipe.title}", recipe.about.strip(), markdown_table(recipe, found), _explained(recipe)]
    parts += [differences_table(recipe, found), _tested(recipe, results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(recipe: Recipe, found: Summary) -> str:
    """Return top-1 accuracies in percent: mean ± standard deviation over seeds, and their number.

    Args:
        recipe: the study.
        found: its summarized results.
    """
    rows = [[_cell(recipe, found, row, column) for column in recipe.columns] for row in recipe.rows]
    return _markdown(["", *recipe.columns], recipe.rows, rows)


def differences_table(recipe: Recipe, found: Summary) -> str:
    """Return the paired differences in percentage points with their 95 % intervals; "" if there are none.

    Args:
        recipe: the study.
        found: its summarized results.
    """
    tables = []
    for names, of in ((recipe.rows, recipe.columns), (recipe.columns, recipe.rows)):
        chosen = [name for name, (first, _) in recipe.differences.items() if first in of]
        if chosen:
            rows = [
                [_difference(found.differences.get(name, {}).get(line)) for name in chosen] for line in names
            ]
            tables.append(_markdown(["points (95 % interval)", *chosen], list(names), rows))
    return "\n\n".join(tables)


def latex_table(recipe: Recipe, found: Summary) -> str:
    """Return the table for a paper; it needs the package booktabs.

    Args:
        recipe: the study.
        found: its summarized results.
    """
    lines = [r"\begin{tabular}{l" + "c" * len(recipe.columns) + "}", r"\toprule"]
    lines += [" & ".join(["", *(name.translate(_ESCAPES) for name in recipe.columns)]) + r" \\", r"\midrule"]
    for row in recipe.rows:
        cells = [_cell(recipe, found, row, column) for column in recipe.columns]
        texts = [row.translate(_ESCAPES)]
        texts += [cell.translate(_ESCAPES).replace("±", r"$\pm$").replace(_NOTHING, "--") for cell in cells]
        lines.append(" & ".join(texts) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _cell(recipe: Recipe, found: Summary, row: str, column: str) -> str:
    seeds = found.seeds.get((row, column), [])
    kinds = [0, 1] if recipe.per_class else [0]
    text = " / ".join(_spread([seed[kind] for seed in seeds]) for kind in kinds) if seeds else _NOTHING
    text += f" ({len(seeds)})" if seeds else ""
    numbers = recipe.paper.get(row, {}).get(column)
    if numbers is not None:
        text += " [" + " / ".join(f"{number:.2f}" for number in numbers[: len(kinds)]) + "]"
    return text


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{deviation}"


def _difference(one: Difference | None) -> str:
    if one is None:
        return _NOTHING
    return f"{one.mean:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _explained(recipe: Recipe) -> str:
    what = "Top-1 in percent, per clip (P-I)"
    what += " / mean over classes (P-C)" if recipe.per_class else ""
    text = f"{what}: mean ± standard deviation over seeds (number of seeds)."
    return text + (" In square brackets: the paper's number." if recipe.paper else "")


def _tested(recipe: Recipe, results: Mapping[Cell, CellResult]) -> str:
    """Say how many clips were tested in each row, and how many were not."""
    texts = []
    for row in recipe.rows:
        of_row = [result for cell, result in results.items() if cell.row == row]
        by_fold = {result.fold: result for result in of_row}
        if len(by_fold) == len(recipe.folds()):
            clips = sum(result.clips for result in by_fold.values())
            classes = sum(result.classes for result in by_fold.values())
            unknown = sum(result.unknown for result in by_fold.values())
            text = f"{row}: {counted(clips, 'clip')} of {counted(classes, 'class', 'classes')}"
            texts.append(text + (f" ({unknown:,} of unknown classes left out)" if unknown else ""))
    if not texts:
        return ""
    folds = f" in {len(recipe.folds())} folds" if len(recipe.folds()) > 1 else ""
    return f"Tested clips{folds}: " + "; ".join(texts) + "."


def _markdown(head: Sequence[str], names: Sequence[str] | Mapping[str, object], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([name, *row] for name, row in zip(names, rows, strict=True))]
    return "\n".join("| " + " | ".join(text.replace("|", r"\|") for text in line) + " |" for line in lines)

"""Summarize the results of a study: accuracies of each seed, and paired differences with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_model.studies.cells import Cell, CellResult
from masa_model.studies.recipe import Recipe

_RESAMPLES: Final = 2000
# Resampling uses blocks of at most this many numbers, to limit memory.
_NUMBERS_AT_A_TIME: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of two accuracies, in percentage points.

    Attributes:
        mean: mean over all seeds and clips.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        by_seed: difference of each seed.
        clips: number of tested clips of a seed.
    """

    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    clips: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The summarized results of a study.

    Attributes:
        seeds: (P-I, P-C) in percent of each complete seed, by row and column.
        differences: by name of the difference and name of the row (or column, for a pair of rows).
    """

    seeds: dict[tuple[str, str], list[tuple[float, float]]]
    differences: dict[str, dict[str, Difference]]


def summarize(recipe: Recipe, results: Mapping[Cell, CellResult]) -> Summary:
    """Summarize the results of a study; a seed counts when all of its folds are measured.

    Args:
        recipe: the study.
        results: results by cell.

    Returns:
        accuracies and differences; cells without any complete seed are left out.
    """
    seeds = {}
    for row in recipe.rows:
        for column in recipe.columns:
            found = [_pooled(folds) for folds in _complete(recipe, results, row, column).values()]
            if found:
                seeds[row, column] = found
    return Summary(seeds, dict(_differences(recipe, results)))


def _complete(
    recipe: Recipe, results: Mapping[Cell, CellResult], row: str, column: str
) -> dict[int, list[CellResult]]:
    """Return the results of all folds by seed."""
    by_seed = {
        seed: [results.get(Cell(row, column, seed, fold)) for fold in recipe.folds()]
        for seed in range(recipe.seeds)
    }
    return {
        seed: [fold for fold in folds if fold is not None]
        for seed, folds in by_seed.items()
        if None not in folds
    }


def _pooled(folds: list[CellResult]) -> tuple[float, float]:
    """Return P-I and P-C in percent over the clips and the classes of all folds."""
    clips, classes = (np.array([getattr(fold, name) for fold in folds]) for name in ("clips", "classes"))
    by_clip = np.average([fold.accuracy for fold in folds], weights=clips)
    by_class = np.average([fold.per_class for fold in folds], weights=classes)
    return 100 * float(by_clip), 100 * float(by_class)


def _differences(
    recipe: Recipe, results: Mapping[Cell, CellResult]
) -> Iterator[tuple[str, dict[str, Difference]]]:
    for name, (first, second) in recipe.differences.items():
        of_columns = first in recipe.columns
        lines = {}
        for line in recipe.rows if of_columns else recipe.columns:
            pairs = ((line, first), (line, second)) if of_columns else ((first, line), (second, line))
            ours, theirs = (
                {seed: _answers(folds) for seed, folds in _complete(recipe, results, *pair).items()}
                for pair in pairs
            )
            rows = [
                ours[seed] - theirs[seed]
                for seed in ours.keys() & theirs.keys()
                if len(ours[seed]) == len(theirs[seed])
            ]
            if rows:
                lines[line] = paired_difference(np.stack(rows))
        yield name, lines


def _answers(folds: list[CellResult]) -> NDArray[np.float64]:
    return np.concatenate([fold.answers for fold in folds]).astype(np.float64)


def paired_difference(apart: NDArray[np.float64]) -> Difference:
    """Compute a mean difference with a bootstrap interval over seeds and clips.

    Both seeds and clips are resampled, because another pre-training, another choice of training clips and
    other tested clips would each give another result. With one seed, the interval is over clips only.

    Args:
        apart: (seeds, clips) difference of two answers: 1 if only the first is right, −1 if only the second.

    Returns:
        the difference in percentage points.

    Example:
        >>> paired_difference(np.array([[1.0, 0.0, 0.0, 0.0]])).mean
        25.0
    """
    seeds, clips = apart.shape
    random = np.random.Generator(np.random.PCG64(0))
    at_a_time = max(1, _NUMBERS_AT_A_TIME // clips)
    means: list[NDArray[np.float64]] = []
    for begin in range(0, _RESAMPLES, at_a_time):
        count = min(at_a_time, _RESAMPLES - begin)
        # How often each seed and each clip is drawn: the mean of a resample is then two products.
        of_seeds = random.multinomial(seeds, np.full(seeds, 1 / seeds), count) / seeds
        of_clips = random.multinomial(clips, np.full(clips, 1 / clips), count) / clips
        means.append(((of_seeds @ apart) * of_clips).sum(1))
    low, high = 100 * np.quantile(np.concatenate(means), [0.025, 0.975])
    by_seed = tuple((100 * apart.mean(1)).tolist())
    return Difference(100 * float(apart.mean()), float(low), float(high), by_seed, clips)

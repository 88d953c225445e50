"""The plot of a study: the accuracy of each row, one line for each column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from masa_model.pictures.style import CYCLE, new_figure, short

_DASHES: Final = ("-", "--", ":")
_WIDEST: Final = 0.3


def draw_study(
    rows: Iterable[str],
    columns: Iterable[str],
    seeds: Mapping[tuple[str, str], Sequence[tuple[float, float]]],
) -> Figure:
    """Draw the accuracies of a study: means as lines, and a small point for each seed.

    Args:
        rows: names of the rows, from left to right.
        columns: names of the columns, one line each.
        seeds: (P-I, P-C) in percent of each seed, by row and column; P-I is drawn.

    Returns:
        the figure.
    """
    names, lines = list(rows), list(columns)
    figure = new_figure(max(5.0, 1.1 * len(names) + 3.2), 4.2)
    axes = figure.subplots()
    apart = np.linspace(-_WIDEST, _WIDEST, len(lines)) if len(lines) > 1 else np.zeros(1)
    looks = cycle((dashes, color) for dashes in _DASHES for color in CYCLE)
    for column, shift, (dashes, color) in zip(lines, apart, looks, strict=False):
        found = [
            (place + shift, [by_clip for by_clip, _ in seeds[row, column]])
            for place, row in enumerate(names)
            if (row, column) in seeds
        ]
        if not found:
            continue
        places = [place for place, _ in found]
        means = [np.mean(values) for _, values in found]
        axes.plot(places, means, dashes, marker="o", markersize=4, color=color, label=short(column, 40))
        for place, values in found:
            axes.plot([place] * len(values), values, "o", color=color, markersize=3, alpha=0.4)
    axes.set_xticks(range(len(names)), [short(name, 26) for name in names], rotation=20, ha="right")
    axes.set_ylabel("right answers (top-1), %")
    if seeds:
        figure.legend(loc="outside right upper")
    return figure

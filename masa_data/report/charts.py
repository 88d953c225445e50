"""Charts as SVG and tables as HTML. All texts are escaped here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

_WIDTH: Final = 640
_HEIGHT: Final = 180
_LEFT: Final = 48
_BOTTOM: Final = 22
_RIGHT: Final = 24
_WIDEST_BAR: Final = 60
_X_LABELS: Final = 7


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; its first column contains the names of the rows."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def chart(title: str, labels: Sequence[str], series: Mapping[str, ArrayLike], unit: str) -> str:
    """Return a bar chart, stacked if there are several series, with an expandable table of the numbers.

    Args:
        title: title of the chart.
        labels: labels of the bars, from left to right.
        series: name → one value ≥ 0 per bar; NaN = unknown, no bar.
        unit: unit of the values, for the axis.
    """
    values = {name: np.asarray(column, np.float64) for name, column in series.items()}
    heights = np.nan_to_num(np.stack(list(values.values())))
    top = float(heights.sum(axis=0).max(initial=0)) or 1.0
    rows = [
        [label, *(_number(column[place]) for column in values.values())] for place, label in enumerate(labels)
    ]
    legend = (
        "".join(
            f'<li><span class="key s{number}"></span>{escape(name)}</li>'
            for number, name in enumerate(values)
        )
        if len(values) > 1
        else ""
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><ul class="legend">{legend}</ul>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}: bars; '
        f'the numbers are in the table below">{_bars(labels, heights)}{_axes(labels, top, unit)}</svg>'
        f"<details><summary>{escape(title)}: the numbers</summary>"
        f"{table(title, ['', *values], rows)}</details></figure>"
    ).replace('<ul class="legend"></ul>', "")


def _bars(labels: Sequence[str], heights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    scale = (_HEIGHT - _BOTTOM - 12) / (heights.sum(axis=0).max(initial=0) or 1.0)
    step = _step(labels)
    ends = np.cumsum(heights, axis=0)
    rectangles = []
    for series, (column, end) in enumerate(zip(heights, ends, strict=True)):
        for place in np.flatnonzero(column).tolist():
            x, y = _LEFT + place * step, _HEIGHT - _BOTTOM - end[place] * scale
            rectangles.append(
                f'<rect class="s{series}" x="{x:.1f}" y="{y:.1f}" width="{max(step * 0.85, 0.5):.1f}" '
                f'height="{column[place] * scale:.1f}"><title>{escape(labels[place])}: '
                f"{_number(column[place])}</title></rect>"
            )
    return "".join(rectangles)


def _axes(labels: Sequence[str], top: float, unit: str) -> str:
    floor = _HEIGHT - _BOTTOM
    step = _step(labels)
    every = max(1, -(-len(labels) // _X_LABELS))
    words = "".join(
        f'<text x="{_LEFT + (place + 0.425) * step:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(_short(labels[place]))}</text>"
        for place in range(0, len(labels), every)
    )
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{floor}" y2="{floor}"/>'
        f'<text x="{_LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{_LEFT - 6}" y="14" text-anchor="end">{_number(top)}</text>'
        f'<text x="{_LEFT - 6}" y="28" text-anchor="end">{escape(unit)}</text>{words}'
    )


def _number(value: float) -> str:
    if np.isnan(value):
        return "unknown"
    if value == round(value) and abs(value) >= 1:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _short(text: str, most: int = 13) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _step(labels: Sequence[str]) -> float:
    return min((_WIDTH - _LEFT - _RIGHT) / max(len(labels), 1), _WIDEST_BAR)

"""The report's sections as HTML: totals, classes, lengths, confidence, hands, jitter, suspicious clips."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np

from masa_data.analysis.checks import (
    FAULTS,
    JUMPS,
    NEAR_DUPLICATE,
    NO_HANDS,
    SEVERAL_PEOPLE,
    SWAPPED,
    Suspect,
)
from masa_data.report.charts import chart, table
from masa_data.report.glosses import SPLIT_COLUMNS, GlossEntry
from masa_data.report.statistics import Statistics
from masa_data.shards.reader import PoseShards
from masa_data.tracks.skeleton import KEYPOINT_NAMES, PARTS

SPLIT_NAMES: Final = tuple(split or "no split" for split in SPLIT_COLUMNS)
_BARS: Final = 80
_MEANING: Final = {
    NO_HANDS: "neither hand was found in at least half of the frames",
    JUMPS: "a keypoint moves further between two frames than a signer can",
    SWAPPED: "hands are on the wrists of the other side in at least a tenth of the frames",
    SEVERAL_PEOPLE: "more people than the signer were found",
    NEAR_DUPLICATE: "a clip of another split has the same motion",
}


def totals(tracks: PoseShards, entries: list[GlossEntry]) -> str:
    """Return the total numbers by corpus."""
    corpora = tracks.column("corpus")
    rows: list[list[object]] = []
    for corpus in dict.fromkeys(corpora.tolist()):
        here = corpora == corpus
        counts = np.sum([entry.counts for entry in entries if entry.corpus == corpus], axis=0)
        classes = sum(entry.corpus == corpus and (entry.gloss != "" or entry.label >= 0) for entry in entries)
        signers = {signer for signer in tracks.column("signer")[here].tolist() if signer}
        numbers = [here.sum(), tracks.lengths[here].sum(), *counts, classes, len(signers)]
        rows.append([corpus or "(no name)", *(f"{number:,}" for number in numbers)])
    return table("Totals by corpus", ["corpus", "clips", "frames", *SPLIT_NAMES, "classes", "signers"], rows)


def class_sizes(entries: list[GlossEntry]) -> str:
    """Return clips per class and split, a chart for every corpus; more than 80 classes are grouped."""
    charts = []
    for corpus in dict.fromkeys(entry.corpus for entry in entries):
        here = [entry for entry in entries if entry.corpus == corpus]
        here.sort(key=lambda entry: -sum(entry.counts))
        counts = np.array([entry.counts for entry in here])
        groups = np.array_split(np.arange(len(here)), min(len(here), _BARS))
        means = np.stack([counts[group].mean(axis=0) for group in groups])
        labels = [
            here[group[0]].gloss if len(group) == 1 else f"{group[0] + 1}–{group[-1] + 1}" for group in groups
        ]
        series = {name: means[:, place] for place, name in enumerate(SPLIT_NAMES) if means[:, place].any()}
        charts.append(chart(f"{corpus}: clips per class, largest class first", labels, series, "clips"))
    return "".join(charts)


def lengths_and_rates(tracks: PoseShards) -> str:
    """Return the distributions of frames per clip and of frames per second."""
    lengths = tracks.lengths
    # A few very long clips must not move all others into one bar.
    usual = int(np.percentile(lengths, 99))
    edges = np.unique(np.linspace(lengths.min(), usual + 1, 26).astype(int)).tolist()
    counts = np.histogram(np.minimum(lengths, usual), edges)[0]
    labels = [str(first) if end - first == 1 else f"{first}–{end - 1}" for first, end in pairwise(edges)]
    if lengths.max() > usual:
        labels[-1] = f"{edges[-2]}–{lengths.max()}"
    fps = tracks.column("fps")
    rates = Counter(np.round(fps[np.isfinite(fps)]).astype(int).tolist())
    named = {str(rate): count for rate, count in sorted(rates.items())}
    if np.isnan(fps).any():
        named["unknown"] = int(np.isnan(fps).sum())
    return chart("Frames per clip", labels, {"clips": counts}, "clips") + chart(
        "Frames per second", list(named), {"clips": list(named.values())}, "clips"
    )


def parts(statistics: Statistics) -> str:
    """Return confidence, missing hands and jitter by corpus."""
    rows = []
    for corpus, sums in statistics.joints.items():
        confidence, jitter = sums.mean_confidence(), sums.mean_jitter()
        left, right, _, none = sums.hands / sums.frames
        rows.append(
            [
                corpus or "(no name)",
                *(f"{confidence[part].mean():.2f}" for part in PARTS.values()),
                *(f"{share:.0%}" for share in (1 - left, 1 - right, none)),
                *(f"{_mean_known(jitter[part]):.3f}" for part in PARTS.values()),
            ]
        )
    headings = ["corpus", *(f"confidence, {part}" for part in PARTS)]
    headings += ["left hand missing", "right hand missing", "both missing"]
    headings += [f"jitter, {part}" for part in PARTS]
    return table("Confidence, missing hands and jitter by corpus", headings, rows)


def joints(statistics: Statistics) -> str:
    """Return confidence, missing share and jitter of each of the 49 keypoints, by corpus."""
    charts = []
    for corpus, sums in statistics.joints.items():
        for title, values, unit in (
            ("mean confidence", sums.mean_confidence(), "mean"),
            ("share of frames in which it is missing", sums.missing_share(), "share"),
            ("jitter in shoulder widths", sums.mean_jitter(), "widths"),
        ):
            charts.append(chart(f"{corpus}: {title} by keypoint", KEYPOINT_NAMES, {title: values}, unit))
    return "".join(charts)


def faults(statistics: Statistics) -> str:
    """Return the number of clips with each fault, and the meaning of the fault."""
    rows = [[name, f"{statistics.clips_with(name):,}", _MEANING[name]] for name in FAULTS]
    return table("Faults", ["fault", "clips", "what it means"], rows)


def suspects(tracks: PoseShards, statistics: Statistics) -> str:
    """Return the most suspicious clips, each with a moving skeleton that the page's script draws."""
    cards = []
    for suspect in statistics.suspects:
        info = tracks.info(suspect.number)
        said = "; ".join(_said(tracks, statistics, suspect, name) for name in suspect.faults)
        facts = ", ".join(
            text for text in (info.corpus, info.split, f"{tracks.lengths[suspect.number]} frames") if text
        )
        cards.append(
            f'<li class="card"><h3>{escape(info.id)}</h3>'
            f'<canvas width="240" height="240" role="img" data-clip="{suspect.number}" '
            f'aria-label="{escape(f"Moving skeleton of clip {info.id}")}"></canvas>'
            f"<p>{escape(info.gloss or '(no gloss)')}: {escape(facts)}</p><p>{escape(said)}</p></li>"
        )
    return f'<ol class="cards">{"".join(cards)}</ol>' if cards else "<p>No clip has any of these faults.</p>"


def _said(tracks: PoseShards, statistics: Statistics, suspect: Suspect, fault: str) -> str:
    share = f"{suspect.faults[fault]:.0%}"
    if fault == NEAR_DUPLICATE:
        other = tracks.info(int(statistics.partner[suspect.number]))
        return f"moves like {other.id} of {other.split}"
    return {
        NO_HANDS: f"no hand in {share} of the frames",
        JUMPS: f"jumps in {share} of the steps",
        SWAPPED: f"hands swapped in {share} of the frames with hands",
    }.get(fault, fault)


def _mean_known(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")

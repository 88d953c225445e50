"""The results of the paper (Tables II to V, XIII) in percent, for comparison with one's own results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One row "Ours" (pose only) of the paper's tables, in percent.

    Attributes:
        per_instance: top-k accuracy per instance (P-I), by k.
        per_class: top-k accuracy per class (P-C), by k.
        noise: top-1 P-I and P-C, by the standard deviation σ of noise on the keypoints (Table XIII).
    """

    per_instance: dict[int, float]
    per_class: dict[int, float]
    noise: dict[float, tuple[float, float]] = field(default_factory=dict)


def _row(
    instance_1: float, instance_5: float, class_1: float, class_5: float, *noisy: tuple[float, float]
) -> PaperRow:
    noise = dict(zip((5.0, 10.0, 15.0, 20.0), noisy, strict=False))
    return PaperRow({1: instance_1, 5: instance_5}, {1: class_1, 5: class_5}, noise)


# The rows by subset, or by corpus if the benchmark uses all of its labels.
PAPER: Final[dict[str, PaperRow]] = {
    "wlasl100": _row(
        83.72, 93.80, 84.47, 94.30, (83.55, 84.21), (83.14, 83.87), (80.24, 81.19), (71.93, 73.26)
    ),
    "wlasl300": _row(
        73.65, 91.77, 74.33, 92.13, (73.47, 74.18), (73.19, 73.92), (70.23, 70.47), (62.12, 63.08)
    ),
    "wlasl2000": _row(
        49.06, 82.90, 46.91, 81.80, (48.95, 46.74), (48.61, 46.42), (45.26, 43.29), (42.15, 40.35)
    ),
    "msasl100": _row(83.22, 95.24, 83.19, 95.46),
    "msasl200": _row(79.25, 92.86, 79.70, 93.33),
    "msasl1000": _row(63.47, 83.89, 60.79, 83.29),
    "nmfs-csl": PaperRow({1: 71.7, 2: 89.0, 5: 97.0}, {}),
    "confusing": PaperRow({1: 53.5, 2: 81.8, 5: 92.6}, {}),
    "normal": PaperRow({1: 95.9, 2: 98.6, 5: 99.9}, {}),
    "slr500": PaperRow({1: 96.3}, {}),
}
_WHOLE: Final = {"wlasl": "wlasl2000", "msasl": "msasl1000", "nmfs-csl": "nmfs-csl", "slr500": "slr500"}


def paper_row(subset: str | None, corpus: str, classes: int) -> PaperRow | None:
    """Return the paper's row for a benchmark.

    Args:
        subset: name of the subset of labels; None = all labels of the corpus.
        corpus: corpus of all clips.
        classes: number of classes of the recognizer; a corpus is a benchmark only with all of its classes.

    Returns:
        the row; None if the paper has no such benchmark.
    """
    if subset is not None:
        return PAPER.get(subset)
    complete = {"wlasl": 2000, "msasl": 1000, "nmfs-csl": 1067, "slr500": 500}
    return PAPER[_WHOLE[corpus]] if complete.get(corpus) == classes else None

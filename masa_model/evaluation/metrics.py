"""How right a recognizer is: top-k over clips (P-I) and over classes (P-C), with bootstrap intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TOP: Final = (1, 2, 5)
_RESAMPLES: Final = 1000
# So many numbers at a time, whatever the number of clips.
_NUMBERS_AT_A_TIME: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share of right answers, 0..1.

    Attributes:
        value: of the clips asked.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Top-k accuracies of one set of clips.

    Attributes:
        per_instance: P-I: over all clips, by k.
        per_class: P-C: the mean over the classes that have clips, by k.
        clips: how many were asked.
        classes: how many classes have clips.
        absent: how many of the recognizer's classes have none; they are excluded from P-C.
        unknown: clips of classes that the recognizer does not have: wrong, whatever it says.
    """

    per_instance: dict[int, Accuracy]
    per_class: dict[int, Accuracy]
    clips: int
    classes: int
    absent: int
    unknown: int


def target_ranks(scores: NDArray[np.floating], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each clip's class among all classes by score, from 0.

    Of equal scores the later class stands first, as in scikit-learn; so a recognizer that says the same of
    all classes is not always right.

    Args:
        scores: (N, C), any scale; NaN stands last.
        targets: (N,) in 0..C−1; −1 = none of them.

    Returns:
        (N,); C for a clip whose class is none of them.
    """
    classes = scores.shape[1]
    known = targets >= 0
    place = np.where(known, targets, 0)[:, None]
    scores = np.where(np.isnan(scores), -np.inf, scores)
    own = np.take_along_axis(scores, place, 1)
    before = (scores > own) | ((scores == own) & (np.arange(classes) > place))
    return np.where(known, before.sum(1), classes)


def accuracies(
    ranks: NDArray[np.int64], groups: NDArray[np.int64], classes: int, seed: int = 0
) -> Accuracies:
    """Top-k accuracies with 95 % intervals from resampled clips.

    Args:
        ranks: (N,) see target_ranks; N at least 1.
        groups: (N,) the class of each clip: 0..C−1 for those of the recognizer, negative for others.
        classes: C.
        seed: of the resampling.
    """
    present, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    # A clip of a class that is none of C is wrong even where k is above C.
    hits = np.stack([(ranks < k) & (groups >= 0) for k in TOP]).astype(np.float64)  # (K, N)
    by_class = np.stack([np.bincount(group, row) for row in hits]) / size  # (K, classes)
    value_i, value_c = hits.mean(1), by_class.mean(1)
    # P-C is a mean over clips too, in which each class weighs the same.
    intervals_i, intervals_c = _intervals(hits, [np.ones(len(ranks)), 1 / size[group]], seed)

    def named(values: NDArray[np.float64], ends: NDArray[np.float64]) -> dict[int, Accuracy]:
        return {
            k: Accuracy(float(values[place]), float(ends[0, place]), float(ends[1, place]))
            for place, k in enumerate(TOP)
        }

    known = int((present >= 0).sum())
    return Accuracies(
        named(value_i, intervals_i),
        named(value_c, intervals_c),
        clips=len(ranks),
        classes=len(present),
        absent=classes - known,
        unknown=int((groups < 0).sum()),
    )


def _intervals(
    hits: NDArray[np.float64], weights: Sequence[NDArray[np.float64]], seed: int
) -> list[NDArray[np.float64]]:
    """95 % intervals of weighted means over clips, from clips drawn with replacement.

    In a draw that misses all clips of a class this class weighs nothing. The mean over the classes left would
    be shifted the same way in every draw, since it is the small classes that are missed.

    Args:
        hits: (K, N).
        weights: of the clips, (N,) each.
        seed: of the draws.

    Returns:
        For each of the weights, (2, K) lower and upper ends.
    """
    clips = hits.shape[1]
    random = np.random.Generator(np.random.PCG64(seed))
    at_a_time = max(1, _NUMBERS_AT_A_TIME // clips)
    drawn: list[list[NDArray[np.float64]]] = [[] for _ in weights]
    for first in range(0, _RESAMPLES, at_a_time):
        draws = min(at_a_time, _RESAMPLES - first)
        times = random.multinomial(clips, np.full(clips, 1 / clips), size=draws)
        for found, weight in zip(drawn, weights, strict=True):
            found.append(times @ (weight * hits).T / (times @ weight)[:, None])
    return [np.percentile(np.concatenate(found), [2.5, 97.5], axis=0) for found in drawn]


def confused_pairs(
    guesses: NDArray[np.int64], targets: NDArray[np.int64], most: int = 10
) -> list[tuple[int, int, int]]:
    """Which classes are taken for which: (true, guessed, how often), the most frequent first.

    Args:
        guesses: (N,) class numbers.
        targets: (N,) class numbers; −1 is left out.
        most: how many pairs.
    """
    wrong = (guesses != targets) & (targets >= 0)
    counts = Counter(zip(targets[wrong].tolist(), guesses[wrong].tolist(), strict=True))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(true, guessed, count) for (true, guessed), count in ordered[:most]]


def accuracy_by(right: NDArray[np.bool_], names: Sequence[str]) -> dict[str, tuple[float, int]]:
    """Share of right answers and number of clips for each name, sorted by name."""
    found: dict[str, tuple[float, int]] = {}
    of = np.asarray(names, dtype=object)
    for name in sorted(set(names)):
        here = right[of == name]
        found[name] = (float(here.mean()), len(here))
    return found

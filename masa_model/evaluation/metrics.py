"""Accuracy metrics: top-k per instance (P-I) and per class (P-C), with bootstrap intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TOP: Final = (1, 2, 5)
_RESAMPLES: Final = 1000
# Resampling uses blocks of at most this many numbers, to limit memory.
_NUMBERS_AT_A_TIME: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Accuracy:
    """An accuracy with its confidence interval, in 0..1.

    Attributes:
        value: accuracy on the clips.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Top-k accuracies on one set of clips.

    Attributes:
        per_instance: P-I: accuracy over all clips, by k.
        per_class: P-C: mean accuracy over the classes that have clips, by k.
        clips: number of clips.
        classes: number of classes that have clips.
        absent: number of the recognizer's classes without clips; they are excluded from P-C.
        unknown: number of clips of classes that the recognizer does not have; they count as wrong.
    """

    per_instance: dict[int, Accuracy]
    per_class: dict[int, Accuracy]
    clips: int
    classes: int
    absent: int
    unknown: int


def target_ranks(scores: NDArray[np.floating], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute the rank of each clip's class among all classes sorted by score, from 0.

    Of equal scores, the later class comes first, as in scikit-learn; so a constant predictor is not always
    correct.

    Args:
        scores: (N, C) scores on any scale; NaN comes last.
        targets: (N,) class numbers in 0..C−1; −1 = none of these classes.

    Returns:
        (N,) ranks; C for a clip of none of these classes.
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
    """Compute top-k accuracies with 95 % intervals from resampled clips.

    Args:
        ranks: (N,) ranks from `target_ranks`; N at least 1.
        groups: (N,) class of each clip: 0..C−1 for classes of the recognizer, negative for others.
        classes: number C of the recognizer's classes.
        seed: random seed of the resampling.

    Returns:
        the accuracies per instance and per class.
    """
    present, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    # A clip of an unknown class is wrong even if k is larger than C.
    hits = np.stack([(ranks < k) & (groups >= 0) for k in TOP]).astype(np.float64)  # (K, N)
    by_class = np.stack([np.bincount(group, row) for row in hits]) / size  # (K, classes)
    value_i, value_c = hits.mean(1), by_class.mean(1)
    # P-C is also a weighted mean over clips, in which each class has the same total weight.
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
    """Compute 95 % intervals of weighted means over clips, from clips drawn with replacement.

    A class has no weight in a draw that contains none of its clips. The mean over the remaining classes would
    be biased in the same direction in every draw, because mostly small classes are missing.

    Args:
        hits: (K, N) whether each clip is correct, for each k.
        weights: weights of the clips, (N,) each.
        seed: random seed of the draws.

    Returns:
        for each of the weights, (2, K) lower and upper ends.
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
    """Find the most frequent confusions of classes.

    Args:
        guesses: (N,) predicted class numbers.
        targets: (N,) true class numbers; clips with −1 are skipped.
        most: maximum number of pairs.

    Returns:
        (true class, predicted class, number of clips), the most frequent first.
    """
    wrong = (guesses != targets) & (targets >= 0)
    counts = Counter(zip(targets[wrong].tolist(), guesses[wrong].tolist(), strict=True))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(true, guessed, count) for (true, guessed), count in ordered[:most]]


def accuracy_by(right: NDArray[np.bool_], names: Sequence[str]) -> dict[str, tuple[float, int]]:
    """Compute accuracy and number of clips for each name, sorted by name.

    Args:
        right: (N,) whether each clip is correct.
        names: name of each clip's group, such as its signer.
    """
    found: dict[str, tuple[float, int]] = {}
    of = np.asarray(names, dtype=object)
    for name in sorted(set(names)):
        here = right[of == name]
        found[name] = (float(here.mean()), len(here))
    return found

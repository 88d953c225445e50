"""Draw confusion.png, the confusion matrix: which glosses are predicted for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_model.evaluation.evaluate import Scores
from masa_model.pictures.style import captions, new_figure, short

# With more rows, the picture is not readable.
MOST_CLASSES: Final = 30
# In characters. Glosses of several sources that share a word can be told apart only by their whole names.
_LONGEST_GLOSS: Final = 60


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion matrix to draw: K named classes, and one row and column for all other classes, if any.

    Attributes:
        counts: (K, K) or (K + 1, K + 1) numbers of clips: row = true class, column = predicted class.
        names: glosses of the K named classes.
        others: number of other classes.
        right: accuracy over all clips, 0..1.
        unknown: number of clips of classes that the recognizer does not have; they are not in the matrix and
            count as wrong.
    """

    counts: NDArray[np.int64]
    names: tuple[str, ...]
    others: int
    right: float
    unknown: int


def confusion_of(scores: Scores, most: int = MOST_CLASSES) -> Confusion:
    """Compute the confusion matrix of the classes with the most mistakes, in the recognizer's order.

    A class without clips is not named, even if clips are predicted as this class.

    Args:
        scores: probabilities of the clips.
        most: maximum number of named classes.

    Returns:
        the confusion matrix.

    Raises:
        DataError: if no clip is of a class that the recognizer has.
    """
    targets, guesses = scores.targets, scores.probabilities.argmax(1)
    known = targets >= 0
    if not known.any():
        raise DataError("no clip is of a class that the recognizer has", "Give files with the same labels")
    wrong = known & (guesses != targets)
    classes = len(scores.glosses)
    mistakes = np.bincount(targets[wrong], minlength=classes) + np.bincount(guesses[wrong], minlength=classes)
    there = np.bincount(targets[known], minlength=classes)
    # Sort classes with clips first, then by number of mistakes, then by number of clips.
    order = np.lexsort((np.arange(classes), -there, -mistakes, there == 0))
    named = np.sort(order[: min(most, int((there > 0).sum()))])
    others = classes - len(named)
    place = np.full(classes, len(named))
    place[named] = np.arange(len(named))
    size = len(named) + bool(others)
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (place[targets[known]], place[guesses[known]]), 1)
    return Confusion(
        counts,
        tuple(scores.glosses[number] for number in named),
        others,
        float((guesses == targets).mean()),
        int((~known).sum()),
    )


def _number(clips: int) -> str:
    """Format a number of clips so that it fits into a cell."""
    if clips < 1000:
        return str(clips)
    return f"{clips / 1000:.1f}k" if clips < 9950 else f"{clips / 1000:.0f}k"


def draw_confusion(found: Confusion, of: str) -> Figure:
    """Draw the confusion matrix: colors are fractions of a row's clips, numbers are clips.

    Args:
        found: the confusion matrix.
        of: name of the set of clips for the title, such as "val".
    """
    size = len(found.counts)
    names, shared = captions(found.names, _LONGEST_GLOSS)
    if found.others:
        names.append(f"{found.others:,} other glosses")
    side = 2.2 + 0.055 * max(map(len, names)) + (0.21 if size > 15 else 0.27) * size
    figure = new_figure(side + 1.6, side)
    axes = figure.add_subplot()
    rows = found.counts.sum(1, keepdims=True)
    share = found.counts / np.maximum(rows, 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    small = 7 if size > 15 else 9
    axes.set_xticks(
        range(size), names, rotation=90 if size > 6 else 30, ha="right" if size <= 6 else "center"
    )
    axes.set_yticks(range(size), names)
    axes.tick_params(labelsize=small, length=0)
    for true, guessed in np.argwhere(found.counts):
        dark = share[true, guessed] > 0.5
        axes.text(
            guessed, true, _number(int(found.counts[true, guessed])), ha="center", va="center",
            fontsize=small - 0.5, color="white" if dark else "black",
        )  # fmt: skip
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#eeeeee", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label="fraction of the true gloss's clips")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    after = f" (names without {shared})" if shared else ""
    axes.set(xlabel=f"predicted gloss{after}", ylabel="true gloss")
    clips = int(found.counts.sum()) + found.unknown
    title = f"{clips:,} clips of {short(of, 70)}: accuracy {found.right:.1%}"
    if found.others:
        title += f"\nThe {len(found.names)} glosses with the most mistakes are named"
    if found.unknown:
        title += f"\nNot shown, and counted as wrong: {found.unknown:,} clips of glosses that "
        title += "the recognizer does not have"
    axes.set_title(title)
    return figure

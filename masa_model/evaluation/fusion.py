"""Late fusion: the weighted sum of our probabilities and those of another model (paper: Ours (+R))."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.classes.classes import ClassIndex, SignClass
from masa_data.classes.conflicts import refuse_contradictions
from masa_data.errors import DataError
from masa_data.formats.untrusted.limits import check_unpacked, regular_size
from masa_data.formats.untrusted.npz_errors import DAMAGED_NPZ
from masa_data.texts import one_form
from masa_data.tracks.track import NO_LABEL
from masa_model.evaluation.evaluate import Scores
from masa_model.evaluation.metrics import target_ranks

# Weights of the other model that are tried on val.
WEIGHTS: Final = tuple(round(0.05 * step, 2) for step in range(21))
_ARRAYS: Final = ("ids", "scores", "glosses", "corpora", "labels")


def read_scores(
    paths: Sequence[Path],
    ids: NDArray[np.object_],
    glosses: Sequence[str],
    pairs: Sequence[tuple[str, int]] = (),
) -> NDArray[np.float64]:
    """Read another model's probabilities for some clips.

    Args:
        paths: npz files with `ids` (M,) and `scores` (M, C), which are probabilities or logits. The optional
            array `glosses` (C,), and with it `corpora` and `labels` (C,), identifies the columns, which are
            then sorted in our order.
        ids: (N,) ids of the requested clips.
        glosses: glosses of our C classes.
        pairs: (corpus, label) of each of our classes; empty = not known.

    Returns:
        (N, C) probabilities; each row sums to 1.

    Raises:
        DataError: if a file is not in this format, its classes are others, or a clip is missing or occurs
            twice.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for path in paths:
        names, rows = _read(path, glosses, pairs)
        for name, row in zip(names, rows, strict=True):
            if name in found:
                raise DataError(f"{path} has the clip {name!r} twice", "Give each clip one row of scores")
            found[name] = row
    missing = [name for name in ids if name not in found]
    if missing:
        where = ", ".join(map(str, paths))
        raise DataError(
            f"{len(missing):,} of {len(ids):,} clips have no scores in {where}, such as {missing[0]!r}",
            "Score the same clips under the same ids with both models",
        )
    return np.stack([found[name] for name in ids])


def fused(ours: NDArray[np.floating], others: NDArray[np.floating], weight: float) -> NDArray[np.float32]:
    """Compute the weighted sum of two models' probabilities.

    Args:
        ours: (N, C) our probabilities.
        others: (N, C) probabilities of the other model.
        weight: weight of the other model, 0..1; 0.5 weights both equally.
    """
    return ((1 - weight) * ours + weight * others).astype(np.float32)


def tune_weight(ours: Scores, others: NDArray[np.floating]) -> float:
    """Choose the weight of WEIGHTS with the highest accuracy; of equal ones, the one nearest to 0.5.

    Args:
        ours: our probabilities of the val clips, and of no others.
        others: (N, C) probabilities of the other model for the same clips.
    """
    right = [
        int((target_ranks(fused(ours.probabilities, others, weight), ours.targets) == 0).sum())
        for weight in WEIGHTS
    ]
    return min(WEIGHTS, key=lambda weight: (-right[WEIGHTS.index(weight)], abs(weight - 0.5)))


def _read(
    path: Path, glosses: Sequence[str], pairs: Sequence[tuple[str, int]]
) -> tuple[list[str], NDArray[np.float64]]:
    values = _arrays_of(path)
    if not {"ids", "scores"} <= values.keys():
        raise DataError(
            f"{path} has no arrays `ids` and `scores`", "See docs/evaluate.md for the format of a scores file"
        )
    ids, scores = values["ids"], values["scores"]
    expected = (ids.size, len(glosses))
    if ids.ndim != 1 or scores.shape != expected or scores.dtype.kind not in "fiu" or not ids.size:
        raise DataError(
            f"{path} has ids of shape {ids.shape} and scores of shape {scores.shape} ({scores.dtype}), "
            f"expected numbers of shape {expected}: one row for each clip, one column for each class",
            "Score the same classes with both models",
        )
    names: list[str] = ids.astype(str).tolist()
    rows = scores.astype(np.float64)
    if not np.isfinite(rows).all():
        raise DataError(f"{path} has scores that are not finite", "Check the other model's output for NaN")
    if "glosses" in values:
        rows = rows[:, _columns(path, values, glosses, pairs)]
    probable = rows.min() >= 0 and np.allclose(rows.sum(1), 1, atol=1e-3)
    if not probable:
        rows = np.exp(rows - rows.max(1, keepdims=True))
        rows /= rows.sum(1, keepdims=True)
    return names, rows


def _columns(
    path: Path,
    values: Mapping[str, NDArray[np.generic]],
    glosses: Sequence[str],
    pairs: Sequence[tuple[str, int]],
) -> list[int]:
    """Find the column of a file for each of our classes."""
    theirs = list(map(one_form, values["glosses"].astype(str).tolist()))
    own = list(map(one_form, glosses))
    by_class = bool(pairs) and {len(theirs)} == {
        len(values[name]) if name in values and values[name].ndim == 1 else 0
        for name in ("corpora", "labels")
    }
    if by_class:
        columns = (values["corpora"].astype(str).tolist(), _whole(values["labels"]), theirs)
        known = [SignClass(*row) for row in zip(*columns, strict=True)]
        wanted = [SignClass(*pair, gloss) for pair, gloss in zip(pairs, own, strict=True)]
        refuse_contradictions({"the recognizer": wanted, str(path): known})
        index = ClassIndex(known)
        found = [index.place(one) for one in wanted]
    else:
        if len(set(theirs)) < len(theirs) and theirs == own:
            return list(range(len(own)))  # classes share a name: only their order identifies them
        found = [theirs.index(gloss) if theirs.count(gloss) == 1 else -1 for gloss in own]
    if sorted(found) != list(range(len(theirs))):
        raise DataError(f"{path} has other glosses", "Score the same classes with both models")
    return found


def _whole(labels: NDArray[np.generic]) -> list[int]:
    return labels.astype(np.int64).tolist() if labels.dtype.kind in "iu" else [NO_LABEL] * len(labels)


def _arrays_of(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read the arrays of a file from another project; no code in the file is executed."""
    try:
        size = regular_size(path)
        with zipfile.ZipFile(path) as file:
            check_unpacked(sum(entry.file_size for entry in file.infolist()), size, "scores")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in _ARRAYS if name in arrays.files}
    except (OSError, *DAMAGED_NPZ) as error:
        if isinstance(error, DataError):
            reason, advice = error.reason, error.advice
        else:
            reason, advice = str(error).partition("\n")[0], "Write it with numpy.savez"
        raise DataError(f"{path} cannot be read ({reason})", advice) from None

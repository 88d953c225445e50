"""Evaluate a recognizer on clips that were not used for training."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from masa_data.classes.conflicts import notes_of_corpora
from masa_data.classes.subsets import SUBSETS
from masa_data.disk.new_files import new_file
from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.joining import check_estimator
from masa_data.shards.several import open_each
from masa_data.texts import counted
from masa_model.evaluation.metrics import (
    Accuracies,
    accuracies,
    accuracy_by,
    confused_pairs,
    target_ranks,
)
from masa_model.inputs.labeled import UNKNOWN, LabeledClips, select_clips
from masa_model.network.features import in_order
from masa_model.training.content import seen_before
from masa_model.training.probabilities import calibration_error
from masa_model.training.recognizer import Recognizer
from masa_model.training.scoring import Scoring, score_clips

# Upper ends of the ranges of clip length, in frames.
_LENGTHS: Final = (16, 32, 64)
_NAMED: Final = 5
_CLIPS_AT_A_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class Scores:
    """The probabilities that a recognizer computed for N clips and C classes.

    Attributes:
        ids: (N,) ids of the clips.
        probabilities: (N, C) probabilities of the classes.
        targets: (N,) class numbers; UNKNOWN for classes that the recognizer does not have.
        glosses: gloss of each of the C classes.
        pairs: (corpus, label) of each of the C classes; empty = not known.
    """

    ids: NDArray[np.object_]
    probabilities: NDArray[np.float32]
    targets: NDArray[np.int64]
    glosses: tuple[str, ...]
    pairs: tuple[tuple[str, int], ...] = ()

    def save(self, path: Path) -> None:
        """Write an npz file, which late fusion can read (docs/evaluate.md).

        Args:
            path: path of the file.

        Raises:
            OSError: if the file cannot be written.
        """
        with new_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                ids=self.ids.astype(str),
                scores=self.probabilities,
                targets=self.targets,
                glosses=np.array(self.glosses, dtype=str),
                corpora=np.array([corpus for corpus, _ in self.pairs], dtype=str),
                labels=np.array([label for _, label in self.pairs], dtype=np.int64),
            )


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        total: accuracies over all clips.
        variants: accuracies over the subsets "confusing" and "normal" of NMFs-CSL; empty for other corpora.
        confused: most frequent confusions: (true gloss, predicted gloss, number of clips).
        by_signer: (accuracy, number of clips) of each signer; empty if signers are not known.
        by_length: (accuracy, number of clips) of each range of clip length in frames.
        calibration_error: expected calibration error in 0..1: the difference between top-1 probability and
            accuracy.
    """

    total: Accuracies
    variants: dict[str, Accuracies]
    confused: list[tuple[str, str, int]]
    by_signer: dict[str, tuple[float, int]]
    by_length: dict[str, tuple[float, int]]
    calibration_error: float

    def __repr__(self) -> str:
        lines = [f"{counted(self.total.clips, 'clip')} of {counted(self.total.classes, 'class', 'classes')}"]
        lines += ["  ".join(f"{text:<12}" for text in row).rstrip() for row in self._rows()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the accuracies as a table in a notebook."""
        first, *rest = self._rows()
        head = "".join(f"<th>{html.escape(text)}</th>" for text in first)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rest
        )
        clips = f"{counted(self.total.clips, 'clip')} of {counted(self.total.classes, 'class', 'classes')}"
        return f"<table><caption>{clips}</caption><tr>{head}</tr>{body}</table>"

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("%", "P-I", "95 %", "P-C", "95 %")]
        for name, of in {"": self.total, **self.variants}.items():
            for k, by_clip in of.per_instance.items():
                cells = [
                    text
                    for found in (by_clip, of.per_class[k])
                    for text in (f"{100 * found.value:.2f}", f"{100 * found.low:.1f}–{100 * found.high:.1f}")
                ]
                rows.append((f"{name} top-{k}".strip(), *cells))
        return rows


def open_test_data(
    recognizer: Recognizer,
    paths: Sequence[Path],
    splits: Sequence[str],
    subset: str | None,
    *,
    force: bool = False,
) -> LabeledClips:
    """Open the clips for an evaluation.

    Args:
        recognizer: recognizer to evaluate.
        paths: files of pose tracks.
        splits: some of "train", "val", "test" and "none".
        subset: name of a subset of labels; None = all labels.
        force: whether to accept clips of another pose estimator, and clips that were used for training.

    Returns:
        the clips and their class numbers.

    Raises:
        DataError: if files, subset or splits cannot be used; if no clip has a label; if the same official
            label number stands for different signs in files and recognizer; if clips were used in
            pre-training or fine-tuning, except clips of split train if "train" is among `splits`.
    """
    files = open_each(paths)
    for tracks in files if not force else ():
        check_estimator(
            recognizer.path,
            recognizer.header.estimator,
            tracks.provenance.estimator,
            "force",
            named=str(tracks.path),
        )
    chosen = select_clips(files, subset, splits, any_estimator=True)  # was checked above
    chosen = chosen.part(np.flatnonzero(chosen.classes()[1] != UNKNOWN))
    if not len(chosen):
        raise DataError(
            f"no clip of split {' or '.join(splits)} has a label", "Add labels with masa-convert relabel"
        )
    targets = recognizer.classes.numbers_of(chosen)
    if (targets == UNKNOWN).all():
        why = notes_of_corpora(recognizer.classes.named, *chosen.file_classes.values())
        raise DataError(
            "; ".join(
                [f"none of the {len(chosen):,} clips is of a class that {recognizer.path} knows", *why]
            ),
            "Give the files that it was trained on, or files with the same labels",
        )
    if not force:
        _refuse_seen(recognizer, chosen, splits)
    return LabeledClips(chosen, targets)


def _refuse_seen(recognizer: Recognizer, clips: PoseDataset, splits: Sequence[str]) -> None:
    """Raise an error if clips were used in training; clips of split train are allowed if requested."""
    others = clips.column("split") != "train" if "train" in splits else np.ones(len(clips), bool)
    for keys, what in (
        (recognizer.trained_on, "were trained on"),
        (recognizer.pretrained_on, "were seen in pre-training"),
    ):
        seen = others & seen_before(clips, keys) if keys is not None else np.zeros(len(clips), bool)
        if seen.any():
            ids = clips.column("id")[seen][:3].tolist()
            raise DataError(
                f"{seen.sum():,} of the {len(clips):,} clips {what}, such as {', '.join(ids)}",
                "Remove them, or use {force} to evaluate on them anyway",
                force=True,
            )


def score(
    recognizer: Recognizer,
    data: LabeledClips,
    device: torch.device,
    *,
    views: int = 1,
    noise: float = 0.0,
) -> Scores:
    """Compute the class probabilities of every clip; processes that torchrun started share the work.

    The batches, and therefore all results, do not depend on the number of processes.

    Args:
        recognizer: recognizer, with its model on the device.
        data: the clips.
        device: device to compute on.
        views: number of windows of a clip whose probabilities are averaged.
        noise: standard deviation σ of Gaussian noise on the coordinates, in 1/256 of a part's side.

    Returns:
        the probabilities of all clips.
    """
    batches = in_order(len(data), _CLIPS_AT_A_TIME)
    shared = dist.is_available() and dist.is_initialized()
    own = batches[dist.get_rank() :: dist.get_world_size()] if shared else batches
    probabilities = np.zeros((len(data), len(recognizer.classes)), np.float32)
    scored = score_clips(
        recognizer.model,
        data.clips,
        recognizer.settings,
        device,
        own,
        Scoring(recognizer.header.temperature, views, noise),
    )
    for numbers, found in scored:
        probabilities[numbers] = found
    if shared:  # each row was computed by one process, and is 0 in the others
        together = torch.from_numpy(probabilities).to(device)
        dist.all_reduce(together)
        probabilities = together.cpu().numpy()
    ids = data.clips.column("id").astype(object)
    return Scores(ids, probabilities, data.targets, recognizer.classes.glosses, recognizer.classes.pairs)


def evaluate(scores: Scores, clips: PoseDataset) -> Evaluation:
    """Compute accuracies and confusions from probabilities.

    Args:
        scores: probabilities of the clips.
        clips: the same clips, in the same order.

    Returns:
        the result of the evaluation.
    """
    ranks = target_ranks(scores.probabilities, scores.targets)
    groups = _groups(scores.targets, clips)
    classes = scores.probabilities.shape[1]
    variants = {}
    corpus, label = clips.column("corpus"), clips.column("label")
    if (corpus == "nmfs-csl").all():
        for name, labels in SUBSETS["nmfs-csl"].items():
            here = np.isin(label, list(labels))
            if here.any():
                variants[name] = accuracies(ranks[here], groups[here], classes)
    guesses = scores.probabilities.argmax(1)
    right = ranks == 0
    signers = clips.column("signer").astype(str)
    return Evaluation(
        accuracies(ranks, groups, classes),
        variants,
        [
            (scores.glosses[true], scores.glosses[guessed], count)
            for true, guessed, count in confused_pairs(guesses, scores.targets, _NAMED)
        ],
        accuracy_by(right, [name or "(unknown)" for name in signers]) if (signers != "").any() else {},
        accuracy_by(right, _length_names(clips.lengths)),
        calibration_error(scores.probabilities, scores.targets),
    )


def _groups(targets: NDArray[np.int64], clips: PoseDataset) -> NDArray[np.int64]:
    """Return the class of each clip; negative numbers stand for classes that the recognizer does not have."""
    _, own = clips.classes()
    return np.where(targets == UNKNOWN, -1 - own, targets)


def _length_names(lengths: NDArray[np.int64]) -> list[str]:
    edges = [0, *_LENGTHS]
    names = [f"{low + 1:>2} to {high} frames" for low, high in pairwise(edges)]
    names.append(f"{_LENGTHS[-1] + 1} frames and more")
    return [names[place] for place in np.searchsorted(_LENGTHS, lengths).tolist()]

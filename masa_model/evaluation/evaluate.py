"""Evaluation: a recognizer asked about clips it has not seen, and what the paper says beside."""

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
from masa_model.training.recognizer import Recognizer, Scoring, score_clips

# Ends of the ranges of length, in frames.
_LENGTHS: Final = (16, 32, 64)
_NAMED: Final = 5
_CLIPS_AT_A_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class Scores:
    """What a recognizer says of clips.

    Attributes:
        ids: (N,) names of the clips.
        probabilities: (N, C).
        targets: (N,) class numbers, UNKNOWN for classes that the recognizer does not have.
        glosses: of the C classes.
        pairs: (corpus, label) of the C classes; empty = not known.
    """

    ids: NDArray[np.object_]
    probabilities: NDArray[np.float32]
    targets: NDArray[np.int64]
    glosses: tuple[str, ...]
    pairs: tuple[tuple[str, int], ...] = ()

    def save(self, path: Path) -> None:
        """Write an npz file, which fusion reads (docs/evaluate.md)."""
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
    """How right the recognizer was.

    Attributes:
        total: of all clips.
        variants: of NMFs-CSL's "confusing" and "normal"; empty for other corpora.
        confused: (true gloss, guessed gloss, how often).
        by_signer: (accuracy, clips) by signer; empty where signers are not known.
        by_length: (accuracy, clips) by number of frames.
        calibration_error: how far the best guess's probability is from how often it is right, 0..1.
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
        """For notebooks: the accuracies as a table."""
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
    """The clips to be asked.

    Args:
        recognizer: who is asked.
        paths: files of pose tracks.
        splits: of "train", "val", "test" and "none".
        subset: a name, or None for all labels.
        force: whether clips of another estimator, and clips that were trained on, are taken all the same.

    Raises:
        DataError: if files, subset or split do not fit; if no clip has a label; if files and recognizer mean
            different signs by one official number; if clips are among those that pre-training or fine-tuning
            saw, but for clips of train where "train" was asked for.
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
    chosen = select_clips(files, subset, splits, any_estimator=True)  # each was compared with the training's
    chosen = chosen.part(np.flatnonzero(chosen.classes()[1] != UNKNOWN))
    if not len(chosen):
        raise DataError(
            f"no clip of split {' or '.join(splits)} has a label", "Give labels with masa-convert relabel"
        )
    targets = recognizer.classes.numbers_of(chosen)
    if (targets == UNKNOWN).all():
        why = notes_of_corpora(recognizer.classes.named, *chosen.file_classes.values())
        raise DataError(
            "; ".join(
                [f"none of the {len(chosen):,} clips is of a class that {recognizer.path} knows", *why]
            ),
            "Name the files it was trained from, or files with the same labels",
        )
    if not force:
        _refuse_seen(recognizer, chosen, splits)
    return LabeledClips(chosen, targets)


def _refuse_seen(recognizer: Recognizer, clips: PoseDataset, splits: Sequence[str]) -> None:
    """Refuse clips that a stage of training saw; those of train may be asked for."""
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
                "Take them out, or use {force} to count them all the same",
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
    """Ask the recognizer about every clip; processes that torchrun started share the work.

    Batches are the same however many processes there are, and so is every digit.

    Args:
        recognizer: its model is on the device.
        data: the clips.
        device: where to compute.
        views: windows of a clip that are averaged.
        noise: σ of Gaussian noise on the coordinates, in 1/256 of a part's side.
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
    if shared:  # each row was filled by one process, and is 0 in the others
        together = torch.from_numpy(probabilities).to(device)
        dist.all_reduce(together)
        probabilities = together.cpu().numpy()
    ids = data.clips.column("id").astype(object)
    return Scores(ids, probabilities, data.targets, recognizer.classes.glosses, recognizer.classes.pairs)


def evaluate(scores: Scores, clips: PoseDataset) -> Evaluation:
    """Count.

    Args:
        scores: of the clips.
        clips: the same clips, in the same order.
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
    """The class of each clip; negative numbers for classes that the recognizer does not have."""
    _, own = clips.classes()
    return np.where(targets == UNKNOWN, -1 - own, targets)


def _length_names(lengths: NDArray[np.int64]) -> list[str]:
    edges = [0, *_LENGTHS]
    names = [f"{low + 1:>2} to {high} frames" for low, high in pairwise(edges)]
    names.append(f"{_LENGTHS[-1] + 1} frames and more")
    return [names[place] for place in np.searchsorted(_LENGTHS, lengths).tolist()]

"""The clips of a cell: who is learned from, who is tested, and what pre-training does not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.shards.selection import Selection
from masa_model.inputs.labeled import UNKNOWN, Classes, FinetuneData, LabeledClips
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.studies.recipe import CellRecipe, LeftOut
from masa_model.training.data import TrainingData

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class CellClips:
    """The clips of a cell.

    Attributes:
        learned: training and validation clips with their classes.
        tested: tested clips; all are of classes that have training clips.
        unknown: number of clips that are not tested, because their class has no training clip.
    """

    learned: FinetuneData
    tested: LabeledClips
    unknown: int


def pretraining_clips(
    files: Sequence[PoseShards], settings: PretrainSettings, left_out: LeftOut | None, fold: int
) -> TrainingData:
    """Select the clips of a pre-training: none of the groups that its fold leaves out.

    Args:
        files: open files of pose tracks.
        settings: settings of the pre-training.
        left_out: the groups; None = nothing is left out.
        fold: number of the fold, from 0.

    Raises:
        DataError: if no clip is left.
    """
    chosen = settings.data
    clips = PoseDataset(files, Selection(splits=chosen.splits), any_estimator=chosen.any_estimator)
    kept = clips.part(np.flatnonzero(~in_fold(clips, left_out, fold)) if left_out else np.arange(len(clips)))
    if not len(kept):
        raise DataError(
            f"fold {fold} leaves no clip for pre-training", "Choose other groups in left_out, or more folds"
        )
    return TrainingData.of(kept, chosen.ratio, settings.seed)


def cell_clips(
    files: Sequence[PoseShards],
    cell: CellRecipe,
    settings: FinetuneSettings,
    left_out: LeftOut | None,
    fold: int,
) -> CellClips:
    """Select the clips of a cell.

    Args:
        files: open files of pose tracks.
        cell: what is measured.
        settings: settings of fine-tuning: subset, splits and number of clips per class.
        left_out: groups of clips; a fold learns and tests only within its own.
        fold: number of the fold, from 0.

    Raises:
        DataError: if there are fewer than two classes, or no clip to test.
    """
    data = settings.data

    everybody = sorted(
        {name for tracks in files for name in map(str, tracks.column("signer").tolist())} - {""}
    )

    def of(splits: Sequence[str], signers: Sequence[str], half: int) -> PoseDataset:
        corpora = [cell.corpus] if cell.corpus else None
        selection = Selection(data.subset, corpora=corpora, splits=splits, signers=signers or None)
        clips = PoseDataset(files, selection, any_estimator=data.any_estimator)
        kept = clips.classes()[1] != UNKNOWN
        if left_out is not None:
            kept &= in_fold(clips, left_out, fold)
        if cell.signers_apart:
            kept &= np.isin(clips.column("signer").astype(str), everybody[half::2])
        return clips.part(np.flatnonzero(kept))

    train, val = of(data.train, cell.train_signers, 0), of(data.val, cell.train_signers, 0)
    test = of(cell.test, cell.test_signers, 1)
    classes = Classes.of(train)
    if len(classes) < 2:
        raise DataError(
            f"the training clips of fold {fold} have {len(classes)} labels, expected at least two",
            "Choose other groups, signers or splits in the recipe",
        )
    places = classes.numbers_of(test)
    known = places != UNKNOWN
    if not known.any():
        raise DataError(
            f"no clip of split {' or '.join(cell.test)} in fold {fold} has a class that is learned",
            "Choose other groups, signers or splits in the recipe",
        )
    return CellClips(
        FinetuneData.of(train, val, classes, data.shots, settings.seed),
        LabeledClips(test.part(np.flatnonzero(known)), places[known]),
        int((~known).sum()),
    )


def in_fold(clips: PoseDataset, left_out: LeftOut, fold: int) -> NDArray[np.bool_]:
    """Return (N,) whether the group of each clip is left out in a fold.

    Args:
        clips: N clips.
        left_out: the groups.
        fold: number of the fold, from 0.

    Raises:
        DataError: if there are fewer groups than folds, or a named group does not exist.
    """
    texts = clips.column(left_out.column).astype(str)
    if left_out.before:
        texts = np.array([text.partition(left_out.before)[0] for text in texts.tolist()], dtype=str)
    everywhere = group_names(clips.files, left_out)
    if missing := [name for name in left_out.groups if name not in everywhere]:
        raise DataError(
            f"no clip has the {left_out.column} {missing[0]!r} that left_out.groups names",
            f"Found: {', '.join(everywhere[:_SHOWN])}",
        )
    if left_out.groups:
        return np.isin(texts, list(left_out.groups))
    if len(everywhere) < left_out.folds:
        raise DataError(
            f"the clips have {len(everywhere)} groups by {left_out.column}, expected at least "
            f"{left_out.folds}, the number of folds",
            "Lower left_out.folds, or group the clips by another column",
        )
    return np.asarray(np.searchsorted(everywhere, texts) % left_out.folds == fold)


def group_names(files: Sequence[PoseShards], left_out: LeftOut) -> list[str]:
    """Return the names of all groups in the files, sorted.

    Args:
        files: open files of pose tracks.
        left_out: how clips are grouped.
    """
    texts = {text for tracks in files for text in map(str, tracks.column(left_out.column).tolist())}
    return sorted({text.partition(left_out.before)[0] if left_out.before else text for text in texts})

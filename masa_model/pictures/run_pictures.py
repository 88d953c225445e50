"""Draw the pictures of a finished run or an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import torch
from matplotlib.figure import Figure

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.selection import Selection
from masa_model.evaluation.evaluate import Scores, score
from masa_model.inputs.labeled import FinetuneData
from masa_model.network.masa import MASA
from masa_model.pictures.confusion import confusion_of, draw_confusion
from masa_model.pictures.features import draw_features, map_features
from masa_model.pictures.masks import count_masks, draw_masks
from masa_model.pictures.motion import draw_motion, predict_motion
from masa_model.pictures.recorder import Recorder
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import read_header
from masa_model.training.pretrained import load_pretrained
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder


def draw_pretraining(
    recorder: Recorder, folder: RunFolder, clips: PoseDataset, device: torch.device
) -> Iterator[str]:
    """Draw masks.png, features.png and motion.png for the last checkpoint of a pre-training run.

    Args:
        recorder: recorder of the run.
        folder: folder of the run.
        clips: training clips of the run; val clips are taken from the same files.
        device: device to compute on.

    Yields:
        a line for each picture that could not be drawn.
    """
    val = PoseDataset(clips.files, Selection(splits=["val"]), any_estimator=clips.any_estimator)

    @cache  # loaded for the first picture, so that an error is reported as an error of this picture
    def loaded() -> tuple[MASA, PretrainSettings]:
        model, settings, _ = load_pretrained(folder.last)
        return model.to(device), settings

    def masks() -> Figure:
        _, settings = loaded()
        return draw_masks(count_masks(clips, settings))

    def features() -> Figure:
        model, settings = loaded()
        return draw_features(map_features(model.query.encoder, clips, settings.inputs, device))

    def motion() -> Figure:
        model, settings = loaded()
        asked = val if len(val) else clips
        return draw_motion(predict_motion(model, asked, settings, device, settings.seed))

    step = read_header(folder.last).step
    for name, draw in (("masks.png", masks), ("features.png", features), ("motion.png", motion)):
        if said := recorder.picture(name, draw, step):
            yield said


def draw_finetuning(
    recorder: Recorder, folder: RunFolder, data: FinetuneData, device: torch.device
) -> Iterator[str]:
    """Draw confusion.png for the best checkpoint of a fine-tuning run, on the val clips.

    Args:
        recorder: recorder of the run.
        folder: folder of the run.
        data: clips of the run.
        device: device to compute on.

    Yields:
        a line if the picture could not be drawn.
    """

    def confusion() -> Figure:
        if not len(data.val):
            raise DataError("there are no val clips", "Use masa-eval for the test clips")
        recognizer = Recognizer.load(folder.path, device)
        return draw_confusion(confusion_of(score(recognizer, data.val, device)), "val")

    if said := recorder.picture("confusion.png", confusion, read_header(folder.last).step):
        yield said


def draw_evaluation(recognizer: Recognizer, scores: Scores, name: str, splits: Sequence[str], of: str) -> str:
    """Draw the confusion matrix of an evaluation in the folder of the recognizer's run.

    Args:
        recognizer: the evaluated recognizer.
        scores: probabilities of the clips.
        name: file name relative to the run's folder, such as "evaluations/001-test.png".
        splits: splits of the clips.
        of: further description of the clips for the title.

    Returns:
        a line with the path of the picture, or with the reason why it could not be drawn.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder = RunFolder(recognizer.path.parent.parent)
    with Recorder(folder) as recorder:
        left_out = recorder.picture(
            name,
            lambda: draw_confusion(confusion_of(scores), f"{'+'.join(splits)}, {of}"),
            recognizer.header.step,
        )
    return left_out or f"Wrote {folder.path / name}."

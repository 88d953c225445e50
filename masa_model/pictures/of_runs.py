"""Which pictures a finished run gets."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from matplotlib.figure import Figure

from masa_data.dataset import PoseDataset, Selection
from masa_data.errors import DataError
from masa_model.evaluate import score
from masa_model.pictures.confusion import confusion_of, draw_confusion
from masa_model.pictures.features import draw_features, map_features
from masa_model.pictures.masks import count_masks, draw_masks
from masa_model.pictures.motion import draw_motion, predict_motion
from masa_model.pretrain import load_pretrained
from masa_model.recogniser import load_classifier
from masa_model.training.labelled import FinetuneData
from masa_model.training.records import Recorder
from masa_model.training.run_folder import RunFolder


def draw_pretraining(
    recorder: Recorder, folder: RunFolder, clips: PoseDataset, device: torch.device
) -> Iterator[str]:
    """masks.png, features.png and motion.png of the last checkpoint.

    Args:
        recorder: of the run.
        folder: of the run.
        clips: its training clips; clips of val are taken from the same files.
        device: where to compute.

    Yields:
        a line for each picture that is left out.
    """
    model, settings, checkpoint = load_pretrained(folder.last)
    model.to(device)
    val = PoseDataset(clips.files, Selection(splits=["val"]))

    def masks() -> Figure:
        return draw_masks(count_masks(clips, settings, device))

    def features() -> Figure:
        return draw_features(map_features(model.query.encoder, clips, settings.inputs, device))

    def motion() -> Figure:
        asked = val if len(val) else clips
        return draw_motion(predict_motion(model, asked, settings.inputs, device, settings.seed))

    for name, draw in (("masks.png", masks), ("features.png", features), ("motion.png", motion)):
        if said := recorder.picture(name, draw, checkpoint.header.step):
            yield said


def draw_finetuning(
    recorder: Recorder, folder: RunFolder, data: FinetuneData, device: torch.device
) -> Iterator[str]:
    """confusion.png: what the checkpoint that is kept says of val.

    Args:
        recorder: of the run.
        folder: of the run.
        data: its clips.
        device: where to compute.

    Yields:
        a line if it is left out.
    """
    recogniser = load_classifier(folder.path, device)

    def confusion() -> Figure:
        if not len(data.val):
            raise DataError("there are no clips of val", "See masa-eval for those of test")
        return draw_confusion(confusion_of(score(recogniser, data.val, device)), "val")

    if said := recorder.picture("confusion.png", confusion, recogniser.header.step):
        yield said

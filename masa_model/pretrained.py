"""What pre-training leaves, for those who go on from it."""

from __future__ import annotations

from pathlib import Path

import torch

from masa_data.errors import DataError
from masa_model.finetune_settings import FinetuneSettings
from masa_model.network.masa import MASA
from masa_model.settings import InputSettings, PretrainSettings
from masa_model.training.checkpoint import Checkpoint, load_checkpoint, load_model, read_header, require_kind
from masa_model.training.checkpoint_checks import unreadable
from masa_model.training.checkpoint_parts import require_size, settings_of
from masa_model.training.labelled import FinetuneData


def build_model(settings: PretrainSettings, clips: int) -> MASA:
    """The model with its first weights, which depend on the seed alone.

    Args:
        settings: of the run.
        clips: number of training clips: the bank holds half of them at most.
    """
    torch.manual_seed(settings.seed)
    bank_size = min(settings.alignment.bank_size, max(1, clips // 2))
    alignment = settings.alignment.model_copy(update={"bank_size": bank_size})
    return MASA(settings.network, settings.masking, settings.motion, alignment)


def load_pretrained(path: Path) -> tuple[MASA, PretrainSettings, Checkpoint]:
    """The model of a pre-training checkpoint, in evaluation mode.

    Raises:
        DataError: if the file is not one.
    """
    checkpoint = load_checkpoint(path)
    require_kind(path, checkpoint.header, "pretraining")
    settings = settings_of(path, checkpoint.header, PretrainSettings)
    require_size(checkpoint, settings.network.encoder_weights)
    bank = checkpoint.model.get("bank.keys", torch.zeros(0))
    if bank.ndim != 2 or bank.shape[1] != settings.alignment.features:
        raise unreadable(path, "its memory bank is missing or of another width")
    model = build_model(settings, 2 * len(bank))
    load_model(checkpoint, model)
    return model.eval(), settings, checkpoint


def with_pretrained(settings: FinetuneSettings, checkpoint: Path) -> FinetuneSettings:
    """The same settings, with the network and the inputs that a pre-training checkpoint has.

    Raises:
        DataError: if the file is not one, or another size was asked for.
    """
    header = read_header(checkpoint)
    require_kind(checkpoint, header, "pretraining")
    before = settings_of(checkpoint, header, PretrainSettings)
    size = before.size
    if "size" in settings.model_fields_set and settings.size != size:
        raise DataError(
            f"{checkpoint} has a network of size {size}, --size says {settings.size}",
            "Leave --size out: it comes with the checkpoint",
        )
    inputs = InputSettings(crop_reference=before.inputs.crop_reference, max_frames=before.inputs.max_frames)
    return settings.model_copy(
        update={
            "pretrained": str(checkpoint),
            "size": size,
            "network": before.network,
            "inputs": inputs,
        }
    )


def check_estimators(settings: FinetuneSettings, data: FinetuneData) -> None:
    """Check that pre-training saw keypoints of the estimator that the clips are of.

    Raises:
        DataError: if it did not.
    """
    if settings.pretrained is None:
        return
    header = read_header(Path(settings.pretrained))
    found, expected = header.estimator, data.train.clips.files[0].provenance.estimator
    if found != expected:
        raise DataError(
            f"{settings.pretrained} was trained on keypoints of {found.name} {found.version}, "
            f"the clips are of {expected.name} {expected.version} or other settings of it",
            "Pre-train on clips of the same estimator",
        )

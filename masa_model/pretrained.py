"""What pre-training leaves, for those who go on from it."""

from __future__ import annotations

from pathlib import Path

import torch

from masa_data.errors import DataError
from masa_data.shards.joining import check_estimator
from masa_model.finetune_settings import FinetuneSettings
from masa_model.network.masa import MASA
from masa_model.settings import InputSettings, NetworkSettings, PretrainSettings
from masa_model.training.checkpoint import Checkpoint, load_checkpoint, load_model, read_header, require_kind
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
    settings = PretrainSettings.model_validate(checkpoint.header.settings)
    bank = checkpoint.model.get("bank.keys", torch.zeros(1, 1)).shape[0]
    model = build_model(settings, 2 * bank)
    load_model(checkpoint, model)
    return model.eval(), settings, checkpoint


def with_pretrained(settings: FinetuneSettings, checkpoint: Path) -> FinetuneSettings:
    """The same settings, with the network and the inputs that a pre-training checkpoint has.

    Raises:
        DataError: if the file is not one, or another size was asked for.
    """
    header = read_header(checkpoint)
    require_kind(checkpoint, header, "pretraining")
    size = header.settings["size"]
    if "size" in settings.model_fields_set and settings.size != size:
        raise DataError(
            f"{checkpoint} has a network of size {size}, --size says {settings.size}",
            "Leave --size out: it comes with the checkpoint",
        )
    inputs = {name: header.settings["inputs"][name] for name in ("crop_reference", "max_frames")}
    return settings.model_copy(
        update={
            "pretrained": str(checkpoint),
            "size": size,
            "network": NetworkSettings.model_validate(header.settings["network"]),
            "inputs": InputSettings.model_validate(inputs),
        }
    )


def check_estimators(settings: FinetuneSettings, data: FinetuneData) -> None:
    """Check that pre-training saw keypoints of the estimator that the clips are of.

    Raises:
        DataError: if it did not, and the settings do not say that any estimator will do.
    """
    if settings.pretrained is None or settings.data.any_estimator:
        return
    path = Path(settings.pretrained)
    check_estimator(path, read_header(path).estimator, data.train.clips.estimator, "--any-estimator")

"""What pre-training leaves, for those who go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from masa_data.errors import DataError
from masa_data.shards.joining import check_estimator
from masa_model.inputs.labeled import FinetuneData
from masa_model.network.masa import MASA
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.network import NetworkSettings
from masa_model.settings.pretrain import InputSettings, PretrainSettings
from masa_model.settings.resolve import merged
from masa_model.training.checkpoint import Checkpoint, load_checkpoint, read_header, require_kind
from masa_model.training.checkpoint_checks import unreadable
from masa_model.training.checkpoint_parts import load_model, require_size, settings_of

# Of a network's settings, those that the weights do not depend on, and one that fine-tuning has no use for.
_FREE_OF_SHAPE: Final = {"graph_dropout", "decoder_blocks"}


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


def with_pretrained(
    settings: FinetuneSettings, checkpoint: Path, said: Mapping[str, Any] | None = None
) -> FinetuneSettings:
    """The same settings, with the network and the inputs that a pre-training checkpoint has.

    Values that were given for inputs and network.graph_dropout take precedence over the checkpoint's.

    Args:
        settings: of the run to come.
        checkpoint: of pre-training.
        said: settings that were said, group by group; None = what `settings.inputs` was made with.

    Raises:
        DataError: if the file is not one, or another size or shape was asked for.
    """
    if said is None:
        said = {"inputs": settings.inputs.model_dump(exclude_unset=True)}
    header = read_header(checkpoint)
    require_kind(checkpoint, header, "pretraining")
    before = settings_of(checkpoint, header, PretrainSettings)
    size = before.size
    if "size" in settings.model_fields_set and settings.size != size:
        raise DataError(
            f"{checkpoint} has a network of size {size}, but {settings.size} was asked for",
            "Leave {size} out: it comes with the checkpoint",
            size=settings.size,
        )
    network = NetworkSettings.model_validate(merged(before.network.model_dump(), said.get("network", {})))
    for name in NetworkSettings.model_fields.keys() - _FREE_OF_SHAPE:
        found, asked = getattr(before.network, name), getattr(network, name)
        if found != asked:
            raise DataError(
                f"{checkpoint} has network.{name} = {found}, the setting says {asked}",
                "Leave it out: it comes with the checkpoint",
            )
    inputs = {"crop_reference": before.inputs.crop_reference, "max_frames": before.inputs.max_frames}
    return settings.model_copy(
        update={
            "pretrained": str(checkpoint),
            "size": size,
            "network": network,
            "inputs": InputSettings.model_validate({**inputs, **said.get("inputs", {})}),
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
    check_estimator(path, read_header(path).estimator, data.train.clips.estimator, "any_estimator")

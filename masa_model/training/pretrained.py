"""Load pre-trained networks, and start fine-tuning from them."""

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

# Network settings that may differ from pre-training: the weights do not depend on the first one, and
# fine-tuning does not use the second one.
_FREE_OF_SHAPE: Final = {"graph_dropout", "decoder_blocks"}


def build_model(settings: PretrainSettings, clips: int) -> MASA:
    """Create the model with its initial weights, which depend only on the seed.

    Args:
        settings: settings of the run.
        clips: number of training clips; the memory bank is limited to half of this number.
    """
    torch.manual_seed(settings.seed)
    bank_size = min(settings.alignment.bank_size, max(1, clips // 2))
    alignment = settings.alignment.model_copy(update={"bank_size": bank_size})
    return MASA(settings.network, settings.motion, alignment)


def load_pretrained(path: Path) -> tuple[MASA, PretrainSettings, Checkpoint]:
    """Load the model of a pre-training checkpoint, in evaluation mode.

    Args:
        path: path of the checkpoint.

    Returns:
        the model on the CPU, the settings of its run, and the checkpoint.

    Raises:
        DataError: if the file is not a valid checkpoint of pre-training.
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
    """Return fine-tuning settings with the network and input settings of a pre-training checkpoint.

    Explicitly given values for inputs and network.graph_dropout take precedence over the checkpoint's.

    Args:
        settings: settings of the new fine-tuning run.
        checkpoint: path of the pre-training checkpoint.
        said: explicitly given settings by group; None = those that `settings.inputs` was created with.

    Raises:
        DataError: if the file is not a checkpoint of pre-training, or the settings require another network.
    """
    if said is None:
        said = {"inputs": settings.inputs.model_dump(exclude_unset=True)}
    header = read_header(checkpoint)
    require_kind(checkpoint, header, "pretraining")
    before = settings_of(checkpoint, header, PretrainSettings)
    size = before.size
    if "size" in settings.model_fields_set and settings.size != size:
        raise DataError(
            f"{checkpoint} has a network of size {size}, but the setting says {settings.size}",
            "Leave {size} out: the checkpoint determines it",
            size=settings.size,
        )
    network = NetworkSettings.model_validate(merged(before.network.model_dump(), said.get("network", {})))
    for name in NetworkSettings.model_fields.keys() - _FREE_OF_SHAPE:
        found, asked = getattr(before.network, name), getattr(network, name)
        if found != asked:
            raise DataError(
                f"{checkpoint} has network.{name} = {found}, the setting says {asked}",
                "Leave it out: the checkpoint determines it",
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
    """Check that the pre-training clips and the fine-tuning clips are of the same pose estimator.

    Args:
        settings: settings of the fine-tuning run.
        data: clips of the fine-tuning run.

    Raises:
        DataError: if the pose estimators differ and `data.any_estimator` is not set.
    """
    if settings.pretrained is None or settings.data.any_estimator:
        return
    path = Path(settings.pretrained)
    check_estimator(path, read_header(path).estimator, data.train.clips.estimator, "any_estimator")

"""The number of clips of a training step: of all processes together, as large as clips and memory allow."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.texts import counted
from masa_model.inputs.masked import PretrainInput, pretrain_input
from masa_model.inputs.mixing import mixture_of
from masa_model.inputs.sources import StreamedClips, epoch_batches
from masa_model.network.masa import MASA
from masa_model.settings.choices import Size
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.precision import precision_for
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.recomputing import recompute_activations

# The released script trains with 8 processes of 64 clips each.
_LARGEST: Final[dict[Size, int]] = {"base": 512, "small": 64, "tiny": 64}
# With fewer clips than this, many are needed to compare a clip with; with fewer steps, little is learned.
_SMALLEST: Final = 64
_FEWEST_STEPS: Final = 64
_SHARE_OF_MEMORY: Final = 0.7
_ASKED_CLIPS: Final = 16
# What the backward pass of the largest block needs, as a share of what all blocks keep; with `recompute`, of
# what they would keep without it. Measured on a CPU: 0.35 to 0.45 and 0.5 to 0.75.
_WORKING_MEMORY: Final = 0.5
_WORKING_MEMORY_RECOMPUTED: Final = 0.75
# With bf16, the inputs of matrix products take half as many bytes, and other activations as many as before.
_SHARE_OF_BF16: Final = 0.7


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The number of clips of a step, and why.

    Attributes:
        clips: number of clips of a step, in all processes together; a multiple of their number.
        reason: for the user, why it is smaller than the preset; else "".
    """

    clips: int
    reason: str = ""


def settle_batch_size(settings: PretrainSettings, clips: PoseDataset, processes: Processes) -> BatchSize:
    """Resolve the setting batch_size for the clips and the machine.

    "auto" starts from the preset of the size, and halves it while an epoch has fewer than 64 steps (but not
    below 64 clips), and while a step needs more than 70 % of the free memory.

    Args:
        settings: settings of the run.
        clips: training clips.
        processes: the processes that train together; all get the same result.

    Raises:
        DataError: if a given number is not a multiple of the number of processes, or data.mix does not fit
            the clips: this is the last step before the folder of a new run is made.
    """
    mixture_of(clips, settings.data.mix)
    count = processes.count
    if settings.batch_size != "auto":
        if settings.batch_size % count:
            raise DataError(
                f"found batch_size {settings.batch_size} and {count} processes: "
                "all processes have the same number of clips",
                f"Use a multiple of {count}",
            )
        return BatchSize(settings.batch_size)
    largest = wanted = _LARGEST[settings.size]
    while wanted > _SMALLEST and len(clips) // wanted < _FEWEST_STEPS:
        wanted //= 2
    reason = ""
    if wanted < largest and len(clips) > _SMALLEST:
        reason = f"with more, an epoch of {counted(len(clips), 'clip')} has fewer than {_FEWEST_STEPS} steps"
    free = _free_memory(processes)
    needed = step_memory(settings, clips, processes.device)
    fitting = wanted
    while fitting > count and needed(fitting // count) > _SHARE_OF_MEMORY * free:
        fitting //= 2
    if fitting < wanted:
        reason = (
            f"{wanted} would need {needed(wanted // count) / 1e9:.1f} GB in each process, "
            f"{free / 1e9:.1f} GB are free"
        )
    return BatchSize(max(count, fitting - fitting % count), reason)


def counts_by_process(settings: BaseModel) -> bool:
    """Return whether the settings are of an old run of pre-training: batch_size is that of each process."""
    return isinstance(settings, PretrainSettings) and "recompute" not in settings.model_fields_set


def step_memory(
    settings: PretrainSettings, clips: PoseDataset, device: torch.device
) -> Callable[[int], float]:
    """Estimate the memory that a training step needs, from the shapes of a few clips.

    The network is applied on torch's device "meta", which computes shapes and no values, and the bytes that
    autograd keeps for the backward pass are counted.

    Args:
        settings: settings of the run.
        clips: training clips; the first 16 of the first epoch are used.
        device: device that the run will use.

    Returns:
        a function from the number of clips of one process to the number of bytes: weights, gradients, the
        optimizer's moments and the kept activations.
    """
    used = mixture_of(clips, settings.data.mix) or len(clips)
    numbers = epoch_batches(used, _ASKED_CLIPS, settings.seed, 0)[0]
    given = pretrain_input(StreamedClips(clips).read(numbers), settings, 0).to(torch.device("meta"))
    with torch.device("meta"):
        model = build_model(settings, len(clips)).train()
    model.to("meta")  # the buffers that are made of arrays
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()  # keeps as much, and asks no other process
    kept = _kept_bytes(model, given)
    working = _WORKING_MEMORY * kept
    if settings.recompute:
        working = _WORKING_MEMORY_RECOMPUTED * kept
        recompute_activations(model)
        kept = _kept_bytes(model, given)
    by_clip = (kept + working) / len(numbers)
    if precision_for(settings.precision, device) == "bf16":
        by_clip *= _SHARE_OF_BF16
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    learned = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    return lambda clips: weights + 3 * learned + by_clip * clips


def _kept_bytes(model: MASA, given: PretrainInput) -> int:
    """Return the number of bytes that autograd keeps for the backward pass, without the weights."""
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()._cdata
        if storage not in own:
            kept[storage] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.predict(given.clips)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _free_memory(processes: Processes) -> float:
    """Return the free memory in bytes for each process; the smallest of all processes."""
    if processes.device.type == "cuda":
        free = float(torch.cuda.mem_get_info(processes.device)[0])
    else:
        free = psutil.virtual_memory().available / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    found = torch.tensor([free], dtype=torch.float64, device="cpu")
    return float(processes.gather(found).min())

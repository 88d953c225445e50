"""Training with one process, or with several that torchrun started: devices, ranks and communication."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

from masa_data.errors import DataError
from masa_data.machine.gpu import why_no_gpu

_LONGEST_WAIT: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Processes:
    """This process and the other processes that train together.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
        device: device that this process computes on.
        lacking: reason why the device is not a GPU, if it was chosen by "auto"; else "".
    """

    rank: int
    count: int
    device: torch.device
    lacking: str = ""

    @property
    def described(self) -> str:
        """The device and the reason why it is not a GPU, for the user: there is no silent fallback."""
        return f"{self.device} ({self.lacking})" if self.lacking else str(self.device)

    @property
    def first(self) -> bool:
        """Whether this is the first process, which writes files and prints."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Compute the mean of some numbers over all processes."""
        if self.count == 1:
            return values
        values = values.clone()
        dist.all_reduce(values)
        return values / self.count

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set in any process."""
        return self.any_of(flag)[0]

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is set in any process, with a single communication.

        The processes exchange the flags by their hosts, so that no GPU has to be waited for.
        """
        if self.count == 1:
            return flags
        means = self.mean(torch.tensor(flags, dtype=torch.float32))
        return tuple((means > 0).tolist())

    def gather(self, values: Tensor) -> Tensor:
        """Collect some numbers of every process: (count, …), in the order of the ranks."""
        if self.count == 1:
            return values[None]
        places = [torch.empty_like(values) for _ in range(self.count)]
        dist.all_gather(places, values)
        return torch.stack(places)

    def same_text(self, text: str) -> str:
        """Return the text of the first process in all processes."""
        if self.count == 1:
            return text
        texts = [text]
        dist.broadcast_object_list(texts, device=self.device)
        return texts[0]

    def wait(self) -> None:
        """Wait until all processes reach this point."""
        self.any(False)


@contextmanager
def joined_processes(device: str = "auto") -> Iterator[Processes]:
    """Join the processes that torchrun started; without torchrun, there is a single process.

    Args:
        device: device to compute on: "auto" (the GPU if there is one), "cpu", "cuda", "cuda:1", "mps".

    Yields:
        this process and the others.

    Raises:
        DataError: if the device cannot be used.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    lacking = why_no_gpu(torch.__version__, torch.version.cuda, torch.cuda.is_available())
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")), lacking)
    lacking = lacking if device == "auto" else ""
    if count == 1:
        yield Processes(0, 1, chosen, lacking)
        return
    # Hosts have a connection of their own. While one process evaluates or saves, the others wait there, where
    # a wait may be long; a process that dies ends it at once.
    dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo", timeout=_LONGEST_WAIT)
    try:
        yield Processes(rank, count, chosen, lacking)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int, lacking: str) -> torch.device:
    if name == "auto":
        name = "cpu" if lacking else "cuda"
    if name.startswith("cuda") and lacking:
        raise DataError(
            f"the device {name!r} cannot be used: {lacking}",
            "Check with masa-doctor, or use {device}",
            device="cpu",
        )
    if name == "cuda":
        name = f"cuda:{local_rank}"
    try:
        device = torch.device(name)
        torch.zeros((), device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"the device {name!r} cannot be used ({reason})",
            "Check with masa-doctor, or use {device}",
            device="cpu",
        ) from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device

"""Momentum semantic alignment: memory bank, InfoNCE loss (Eq. 8) and the momentum update."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """A queue of the newest K keys and the clips they belong to. All of it is saved in the state dict.

    Args:
        size: number K of keys.
        features: length of a key.
    """

    keys: Tensor
    clips: Tensor
    pointer: Tensor

    def __init__(self, size: int, features: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, features))
        self.register_buffer("clips", torch.full((size,), -1))  # −1: empty entry
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys: Float[Tensor, "clips features"], clips: Int[Tensor, " clips"]) -> None:
        """Add the keys of all processes, in the order of their ranks, and remove the oldest ones.

        Args:
            keys: keys of this process, one for each clip.
            clips: number of the clip that each key belongs to.
        """
        keys, clips = _over_processes(keys.to(self.keys.dtype)), _over_processes(clips)
        size, count = self.keys.shape[0], keys.shape[0]
        # If there are more keys than the bank can store, the last ones are stored.
        places = (self.pointer + torch.arange(count, device=keys.device))[-size:] % size
        self.keys[places] = keys[-size:]
        self.clips[places] = clips[-size:]
        self.pointer.copy_((self.pointer + count) % size)


def contrastive_logits(
    query: Float[Tensor, "clips features"],
    key: Float[Tensor, "clips features"],
    bank: MemoryBank,
    numbers: Int[Tensor, " clips"],
    temperature: float,
) -> Float[Tensor, "clips candidates"]:
    """Compute the logits of the contrastive loss: q·k⁺/τ, then q·k⁻/τ for each key of the bank, in float32.

    Args:
        query: unit vectors q of the query branch.
        key: unit vectors k⁺ of the key branch, of the same clips.
        bank: memory bank with the negative keys k⁻.
        numbers: number of each clip in the dataset.
        temperature: temperature τ.

    Returns:
        one row for each clip, with the positive first; −∞ for empty entries of the bank and for older keys of
        the same clip.
    """
    positive = (query * key).sum(1, keepdim=True)
    with _without_autocast(query.device):  # in the precision of the positives
        negative = query @ bank.keys.T
    not_negative: Bool[Tensor, "clips bank"] = (bank.clips < 0) | (bank.clips == numbers[:, None])
    negative = negative.masked_fill(not_negative, -torch.inf)
    return torch.cat([positive, negative], 1) / temperature


def info_nce(logits: Float[Tensor, "clips candidates"]) -> Float[Tensor, ""]:
    """Compute the InfoNCE loss (Eq. 8): −log softmax of the first logit (the positive), mean over clips."""
    return (torch.logsumexp(logits, 1) - logits[:, 0]).mean()


@torch.no_grad()
def update_momentum(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Update the key branch: θ_k ← μ θ_k + (1 − μ) θ_q, for parameters and for running statistics.

    Args:
        key: key branch, which is updated.
        query: query branch, which is trained; it has the same structure.
        momentum: momentum μ in 0..1.
    """
    slow: list[Tensor] = [*key.parameters(), *filter(Tensor.is_floating_point, key.buffers())]
    fast: list[Tensor] = [*query.parameters(), *filter(Tensor.is_floating_point, query.buffers())]
    # All at once: on a GPU a few kernels, not one for each parameter.
    torch._foreach_lerp_(slow, fast, 1 - momentum)


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    switched_off: AbstractContextManager[object] = torch.autocast(device.type, enabled=False)
    return switched_off


def _over_processes(x: Tensor) -> Tensor:
    if not (dist.is_available() and dist.is_initialized()):
        return x
    found = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    dist.all_gather(found, x.contiguous())
    return torch.cat(found)

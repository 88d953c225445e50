"""Momentum semantic alignment: memory bank, InfoNCE (Eq. 8) and the moving average."""

from __future__ import annotations

import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """The newest K keys, first in, first out, and which clip each is of. All of it is in the state dict.

    Args:
        size: K.
        features: of a key.
    """

    keys: Tensor
    clips: Tensor
    pointer: Tensor

    def __init__(self, size: int, features: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, features))
        self.register_buffer("clips", torch.full((size,), -1))  # −1: nothing there yet
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys: Float[Tensor, "clips features"], clips: Int[Tensor, " clips"]) -> None:
        """Put keys in, over all processes in the order of their ranks; the oldest fall out."""
        keys, clips = _over_processes(keys.to(self.keys.dtype)), _over_processes(clips)
        size, count = self.keys.shape[0], keys.shape[0]
        # Of more keys than the bank holds, the last stay.
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
    """q·k⁺/τ, then q·k⁻/τ for each key of the bank; −∞ for empty places and older keys of the same clip."""
    positive = (query * key).sum(1, keepdim=True)
    negative = query @ bank.keys.T
    not_negative: Bool[Tensor, "clips bank"] = (bank.clips < 0) | (bank.clips == numbers[:, None])
    negative = negative.masked_fill(not_negative, -torch.inf)
    return torch.cat([positive, negative], 1) / temperature


def info_nce(logits: Float[Tensor, "clips candidates"]) -> Float[Tensor, ""]:
    """Eq. 8, mean over clips: −log of the softmax at the positive, which stands first."""
    return (torch.logsumexp(logits, 1) - logits[:, 0]).mean()


@torch.no_grad()
def update_momentum(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """θ_k ← μ θ_k + (1 − μ) θ_q, for parameters and for running statistics alike.

    Args:
        key: the branch that follows.
        query: the branch that learns, of the same structure.
        momentum: μ in 0..1.
    """
    for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
        slow.lerp_(fast.detach(), 1 - momentum)
    for kept, new in zip(key.buffers(), query.buffers(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - momentum)
        else:
            kept.copy_(new)


def _over_processes(x: Tensor) -> Tensor:
    if not (dist.is_available() and dist.is_initialized()):
        return x
    found = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    dist.all_gather(found, x.contiguous())
    return torch.cat(found)

"""The positions of packed tokens in a padded array, which attention reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from masa_model.inputs.batch import TensorGroup


@dataclass(frozen=True, slots=True)
class Packing(TensorGroup):
    """The positions of packed tokens in a padded array.

    It is computed on the host, before a step: its shape depends on the data, so a GPU that computed it would
    have to tell its host the result, and both would wait for each other.

    Attributes:
        clip: index of each token's clip in the batch, ascending.
        place: index of each token in the padded array, whose clips are flattened.
        filled: whether each position of the padded array has a token.
    """

    clip: Int[Tensor, " tokens"]
    place: Int[Tensor, " tokens"]
    filled: Bool[Tensor, "clips longest"]

    @classmethod
    def of(cls, clip: Int[Tensor, " tokens"], clips: int) -> Packing:
        """Create the packing of tokens from the clip of each token.

        Args:
            clip: index of each token's clip, ascending.
            clips: number of clips.
        """
        counts = torch.bincount(clip, minlength=clips)
        slot = torch.arange(clip.shape[0], device=clip.device) - (torch.cumsum(counts, 0) - counts)[clip]
        longest = int(counts.max())
        filled = torch.arange(longest, device=clip.device) < counts[:, None]
        return cls(clip, clip * longest + slot, filled)

    def pad(self, tokens: Float[Tensor, "tokens features"]) -> Float[Tensor, "clips longest features"]:
        """Copy tokens to a padded array, with zeros where there is no token."""
        clips, longest = self.filled.shape
        padded = tokens.new_zeros(clips * longest, tokens.shape[1]).index_copy(0, self.place, tokens)
        return padded.view(clips, longest, -1)

    def unpad(self, padded: Float[Tensor, "clips longest features"]) -> Float[Tensor, "tokens features"]:
        """Copy the tokens back from a padded array."""
        return padded.flatten(0, 1).index_select(0, self.place)

    def mean(self, tokens: Float[Tensor, "tokens features"]) -> Float[Tensor, "clips features"]:
        """Average the tokens of each clip; a clip without tokens gets 0."""
        total = tokens.new_zeros(self.filled.shape[0], tokens.shape[1]).index_add(0, self.clip, tokens)
        return total / self.filled.sum(1, keepdim=True).clamp(min=1)

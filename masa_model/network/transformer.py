"""The vanilla Transformer (Vaswani et al. 2017) on packed tokens.

Linear layers and norms process only the existing tokens. Only attention, a few percent of the work, copies
them to a padded array. So masked frames and padding take almost no time.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from masa_model.inputs.packing import Packing


class Block(nn.Module):
    """Transformer block: self-attention and two linear layers, each followed by residual and layer norm."""

    def __init__(self, features: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(features, 3 * features)
        self.project_out = nn.Linear(features, features)
        self.attention_norm = nn.LayerNorm(features)
        self.widen = nn.Linear(features, hidden)
        self.narrow = nn.Linear(hidden, features)
        self.feed_forward_norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.project_in.weight)
        nn.init.zeros_(self.project_in.bias)

    def forward(
        self, tokens: Float[Tensor, "tokens features"], packing: Packing
    ) -> Float[Tensor, "tokens features"]:
        """Apply the block; tokens attend only to tokens of the same clip."""
        tokens = self.attention_norm(tokens + self.dropout(self._attend(tokens, packing)))
        hidden = self.dropout(torch.relu(self.widen(tokens)))
        return self.feed_forward_norm(tokens + self.dropout(self.narrow(hidden)))

    def _attend(self, tokens: Tensor, packing: Packing) -> Tensor:
        padded = packing.pad(self.project_in(tokens))
        clips, longest, _ = padded.shape
        query, key, value = padded.view(clips, longest, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=packing.filled[:, None, None, :],
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        return self.project_out(packing.unpad(attended.transpose(1, 2).flatten(2)))


class Transformer(nn.Module):
    """A sequence of transformer blocks; position encodings are added before the first block.

    Args:
        features: length of a token.
        blocks: number of blocks.
        heads: number of attention heads.
        hidden: width of the feed-forward layers.
        dropout: dropout rate; the default is that of the original Transformer.
    """

    def __init__(self, features: int, blocks: int, heads: int, hidden: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(features, heads, hidden, dropout) for _ in range(blocks))

    def forward(
        self,
        tokens: Float[Tensor, "tokens features"],
        position: Int[Tensor, " tokens"],
        packing: Packing,
    ) -> Float[Tensor, "tokens features"]:
        """Encode tokens.

        Args:
            tokens: the packed tokens.
            position: index in its clip of the frame that each token belongs to.
            packing: packing of the tokens.
        """
        tokens = tokens + sinusoids(position, tokens.shape[1]).to(tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, packing)
        return tokens


def sinusoids(position: Int[Tensor, " tokens"], features: int) -> Float[Tensor, "tokens features"]:
    """Compute the sinusoidal position encoding (Vaswani et al. 2017, 3.5): all sines, then all cosines."""
    waves = torch.arange(features // 2, device=position.device, dtype=torch.float32)
    angles = position[:, None] * torch.exp(waves * (-math.log(10_000) / (features // 2)))
    return torch.cat([angles.sin(), angles.cos()], 1)

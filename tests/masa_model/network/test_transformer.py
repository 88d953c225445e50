"""The packed transformer against torch's own on padded clips."""

import math

import torch
from torch import nn

from masa_model.inputs.packing import Packing
from masa_model.network.transformer import Transformer, sinusoids

LENGTHS = torch.tensor([4, 1, 9, 6])


def test_as_torchs_own_layers():
    torch.manual_seed(0)
    ours = Transformer(16, 2, 4, 24, dropout=0.0).double().eval()
    layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
    reference = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double().eval()
    for mine, theirs in zip(ours.blocks, reference.layers, strict=True):
        theirs.self_attn.in_proj_weight.data = mine.project_in.weight.data
        theirs.self_attn.in_proj_bias.data = mine.project_in.bias.data
        for ours_name, their_name in (
            (mine.project_out, theirs.self_attn.out_proj),
            (mine.attention_norm, theirs.norm1),
            (mine.widen, theirs.linear1),
            (mine.narrow, theirs.linear2),
            (mine.feed_forward_norm, theirs.norm2),
        ):
            nn.init.normal_(ours_name.bias)
            their_name.load_state_dict(ours_name.state_dict())
    clip = torch.repeat_interleave(torch.arange(4), LENGTHS)
    packing = Packing.of(clip, 4)
    position = torch.cat([torch.arange(int(n)) * 3 for n in LENGTHS])
    tokens = torch.randn(len(clip), 16, dtype=torch.float64)
    padded = packing.pad(tokens + sinusoids(position, 16))
    expected = reference(padded, src_key_padding_mask=~packing.filled)
    found = packing.pad(ours(tokens, position, packing))
    torch.testing.assert_close(found[packing.filled], expected[packing.filled], rtol=1e-6, atol=1e-7)


def test_a_clip_does_not_see_its_neighbors_in_the_batch():
    torch.manual_seed(0)
    network = Transformer(16, 2, 4, 24).eval()
    clip = torch.repeat_interleave(torch.arange(4), LENGTHS)
    tokens, position = torch.randn(len(clip), 16), torch.arange(len(clip))
    together = network(tokens, position, Packing.of(clip, 4))
    for number in range(4):
        mine = clip == number
        alone = network(tokens[mine], position[mine], Packing.of(clip[mine] * 0, 1))
        torch.testing.assert_close(together[mine], alone, rtol=1e-5, atol=1e-6)


def test_average_pooling():
    clip = torch.tensor([0, 0, 2])
    tokens = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 5.0]])
    assert Packing.of(clip, 3).mean(tokens).tolist() == [[2.0, 4.0], [0.0, 0.0], [5.0, 5.0]]


def test_sinusoids():
    found = sinusoids(torch.tensor([0, 1, 50]), 8)
    for row, position in enumerate((0, 1, 50)):
        for wave in range(4):
            angle = position / 10_000 ** (2 * wave / 8)
            assert math.isclose(found[row, wave], math.sin(angle), abs_tol=1e-5)
            assert math.isclose(found[row, 4 + wave], math.cos(angle), abs_tol=1e-5)

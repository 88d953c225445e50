"""Which frames are masked: how many, of which clips, and that seed, epoch, clip and frame alone decide."""

import numpy as np
import pytest
import torch

from masa_model.inputs.masking import choose_key_frames, choose_masked
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.randomness import uniform
from tests.masa_model.conftest import awkward_clips, make_clip, packed


def batch_of(*lengths):
    return prepare_clips(packed([make_clip(n, seed, missing=0) for seed, n in enumerate(lengths)]))


def splitmix64(state):
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    z = state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_uniform_is_splitmix64_over_the_counters():
    clip, frame = torch.tensor([0, 5, 5, 2**40]), torch.tensor([0, 0, 7, 149])
    expected = []
    for a, b in zip(clip.tolist(), frame.tolist(), strict=True):
        state = 0
        for part in (3, 1, a, b):
            state = splitmix64(state + part)
        expected.append((state >> 40) / 2**24)
    np.testing.assert_array_equal(uniform((3, 1), clip, frame).numpy(), np.float32(expected))


def test_uniform_is_uniform_and_independent():
    clip = torch.arange(200).repeat_interleave(200)
    frame = torch.arange(200).repeat(200)
    chance = uniform((0, 0), clip, frame).view(200, 200)
    assert 0 <= chance.min() < 0.001
    assert 0.999 < chance.max() < 1
    counts = torch.histc(chance, 20, 0, 1)
    assert (counts - 2000).square().sum() / 2000 < 43.8  # χ² with 19 degrees of freedom, p = 0.001
    for moved in (chance[1:] - 0.5) * (chance[:-1] - 0.5), (chance[:, 1:] - 0.5) * (chance[:, :-1] - 0.5):
        assert abs(moved.mean()) < 4 / 12 / 200  # four standard errors


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.0])
def test_a_share_of_the_candidates_is_masked(ratio):
    batch = batch_of(20, 1, 7, 33)
    candidates = torch.zeros(3, batch.frames, dtype=torch.bool)
    wanted = {0: 15, 2: 1, 3: 30}
    for clip, count in wanted.items():
        first = int((batch.clip < clip).sum())
        candidates[:, first : first + count] = True
    masked = choose_masked(candidates, batch, ratio, (0, 0))
    assert (masked == masked[:1]).all()
    assert not (masked & ~candidates).any()
    for clip in range(4):
        share = ratio * wanted.get(clip, 0)
        expected = max(1, round(share)) if clip in wanted else 0
        assert int(masked[0, batch.clip == clip].sum()) == expected


def test_ratio_0_masks_nothing():
    batch = batch_of(20)
    assert not choose_masked(torch.ones(3, 20, dtype=torch.bool), batch, 0.0, (0, 0)).any()


def test_each_part_has_its_own_choice():
    batch = batch_of(40)
    masked = choose_masked(torch.ones(3, 40, dtype=torch.bool), batch, 0.5, (0, 0), "per_part")
    assert masked.sum(1).tolist() == [20, 20, 20]
    assert not (masked[0] == masked[1]).all()
    assert not (masked[1] == masked[2]).all()


@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.9])
def test_of_the_union_every_chosen_frame_is_hidden_whole(ratio):
    batch = batch_of(40, 7, 1)
    candidates = torch.rand(3, 48, generator=torch.Generator().manual_seed(0)) < 0.4
    apart = choose_masked(candidates, batch, ratio, (0, 0), "per_part")
    whole = choose_masked(candidates, batch, ratio, (0, 0), "union")
    assert whole.tolist() == [[any(frame) for frame in apart.T.tolist()]] * 3


def test_the_choice_does_not_depend_on_the_batch():
    together = prepare_clips(packed(list(awkward_clips().values())))
    candidates = torch.ones(3, together.frames, dtype=torch.bool)
    masked = choose_masked(candidates, together, 0.5, (7, 3))
    keys = set(choose_key_frames(together, 0.5, (7, 3)).tolist())
    for number in range(together.clips):
        frames = (together.clip == number).nonzero()[:, 0]
        raw = packed(list(awkward_clips().values())[number : number + 1])
        raw = type(raw)(
            raw.keypoints, raw.confidence, raw.frame_size, raw.lengths, together.numbers[number : number + 1]
        )
        alone = prepare_clips(raw)
        mine = choose_masked(torch.ones(3, alone.frames, dtype=torch.bool), alone, 0.5, (7, 3))
        assert torch.equal(mine, masked[:, frames])
        first = int(frames[0])
        assert {first + i for i in choose_key_frames(alone, 0.5, (7, 3)).tolist()} == keys & set(
            frames.tolist()
        )


def test_epochs_and_seeds_differ():
    batch = batch_of(100)
    candidates = torch.ones(3, 100, dtype=torch.bool)
    chosen = [choose_masked(candidates, batch, 0.5, seed)[0] for seed in ((0, 0), (0, 1), (1, 0))]
    for one in range(3):
        for other in range(one):
            assert 30 < int((chosen[one] ^ chosen[other]).sum()) < 70


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.5, [10, 1, 4, 16]), (0.9, [2, 1, 1, 3]), (0.0, [20, 1, 7, 33])]
)
def test_the_key_sees_a_share_of_each_clip(ratio, expected):
    batch = batch_of(20, 1, 7, 33)
    frames = choose_key_frames(batch, ratio, (0, 0))
    assert (frames.diff() > 0).all()
    assert torch.bincount(batch.clip[frames]).tolist() == expected

"""Eq. 4 and Eq. 8 against the plain versions; the bank and the moving average in closed form."""

import numpy as np
import pytest
import torch
from torch import nn

from masa_model.inputs.motion import motion_residuals, pair_confidence
from masa_model.inputs.parts import prepare_clips
from masa_model.network.alignment import MemoryBank, contrastive_logits, info_nce, update_momentum
from masa_model.network.autoencoder import prediction_loss
from tests.masa_model import oracle
from tests.masa_model.conftest import awkward_clips, packed, unpacked

TOLERANCE = {torch.float32: {"rtol": 1e-5}, torch.float64: {"rtol": 0, "atol": 1e-6}}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("kind", "reduction"), [("l2", "mean"), ("l2", "sum"), ("l1", "mean")])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_motion_loss(dtype, kind, reduction, share):
    batch = prepare_clips(packed(list(awkward_clips().values()), dtype))
    generator = torch.Generator().manual_seed(0)
    target, exists = motion_residuals(batch, 3)
    target = target / 32
    weight = pair_confidence(batch, 3, 0.4)
    predicted = torch.randn(target.shape, generator=generator, dtype=dtype)
    masked = exists & (torch.rand(batch.frames, generator=generator) < share)
    frames = [
        (number, int(i)) for number, rows in enumerate(unpacked(batch, masked)) for i in np.flatnonzero(rows)
    ]
    expected = oracle.motion_loss(
        unpacked(batch, predicted.double()),
        unpacked(batch, target.double()),
        unpacked(batch, weight.double()),
        frames,
        kind,
        reduction,
    )
    found = prediction_loss(
        predicted[:, :, masked],
        target[:, :, masked],
        weight[:, masked],
        masked[masked].expand(3, -1),
        kind,
        reduction,
    )
    np.testing.assert_allclose(float(found), expected, **TOLERANCE[dtype])


def test_a_part_that_is_not_masked_adds_nothing():
    weight = torch.ones(49, 1)
    error = torch.ones(49, 2, 1)
    for part, joints in enumerate((7, 21, 21)):
        masked = torch.zeros(3, 1, dtype=torch.bool)
        masked[part] = True
        loss = prediction_loss(error, 0 * error, weight, masked)
        torch.testing.assert_close(loss, torch.tensor(joints / 49))


def bank_of(keys, clips, size=None):
    bank = MemoryBank(size or len(keys), keys.shape[1]).to(keys.dtype)
    bank.enqueue(keys, clips)
    return bank


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("filled", [0, 5, 40])
def test_info_nce(dtype, filled):
    generator = torch.Generator().manual_seed(1)

    def units(n):
        return nn.functional.normalize(torch.randn(n, 16, generator=generator, dtype=dtype), dim=1)

    query, key = units(6), units(6)
    numbers = torch.arange(6)
    bank = MemoryBank(40, 16).to(dtype)
    if filled:
        bank.enqueue(units(filled).to(dtype), torch.arange(filled) % 9)  # 0..5 are clips of the batch too
    logits = contrastive_logits(query, key, bank, numbers, 0.07)
    expected = oracle.info_nce(
        query.double().numpy(),
        key.double().numpy(),
        bank.keys.double().numpy(),
        bank.clips.tolist(),
        numbers,
        0.07,
    )
    np.testing.assert_allclose(float(info_nce(logits)), expected, **TOLERANCE[dtype])
    torch.testing.assert_close(
        info_nce(logits), nn.functional.cross_entropy(logits, torch.zeros(6, dtype=torch.long))
    )


@pytest.mark.parametrize("size", [1, 7, 10, 64])
@pytest.mark.parametrize("batch", [1, 3, 10, 25])
def test_the_bank_holds_the_newest_in_order(size, batch):
    bank = MemoryBank(size, 2)
    everything = torch.arange(batch * 9, dtype=torch.float32)
    for step in range(9):
        numbers = everything[step * batch : (step + 1) * batch]
        bank.enqueue(numbers[:, None].expand(-1, 2), numbers.long())
        newest = everything[: (step + 1) * batch][-size:]
        # From the oldest on: what the pointer stands at goes next.
        order = torch.cat([bank.clips[bank.pointer :], bank.clips[: bank.pointer]])
        assert order[order >= 0].tolist() == newest.long().tolist()
        assert torch.equal(bank.keys[:, 0][bank.clips >= 0], bank.clips[bank.clips >= 0].float())


def test_the_bank_is_part_of_the_state():
    bank = MemoryBank(5, 2)
    bank.enqueue(torch.ones(3, 2), torch.tensor([4, 5, 6]))
    other = MemoryBank(5, 2)
    other.load_state_dict(bank.state_dict())
    assert other.clips.tolist() == [4, 5, 6, -1, -1]
    assert int(other.pointer) == 3


def test_the_moving_average_in_closed_form():
    """After n steps towards a constant: θ_k = μⁿ θ_0 + (1 − μⁿ) θ_q, for running statistics too."""
    torch.manual_seed(0)
    fast = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    slow = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    fast[1].running_mean.normal_()
    fast[1].running_var.uniform_(1, 2)
    before = {name: value.clone() for name, value in slow.state_dict().items()}
    for _ in range(50):
        update_momentum(slow, fast, 0.996)
    for name, value in slow.state_dict().items():
        goal = fast.state_dict()[name]
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.996**50 * before[name] + (1 - 0.996**50) * goal)


def test_positives_and_negatives_are_float32_under_autocast():
    """A bank that holds the query itself: its logit is that of the positive, to the last bit."""
    query = torch.nn.functional.normalize(
        torch.randn(1, 6, generator=torch.Generator().manual_seed(3)), dim=1
    )
    bank = MemoryBank(4, 6)
    bank.enqueue(query, torch.tensor([7]))
    with torch.autocast("cpu", torch.bfloat16):
        logits = contrastive_logits(query, query, bank, torch.tensor([0]), 0.07)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits[0, 0], logits[0, 1], rtol=1e-6, atol=0)

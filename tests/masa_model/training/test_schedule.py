"""The schedules at the paper's numbers: 400 epochs, warm-up over 20, λ_s over 100."""

import pytest

from masa_model.training.schedule import alignment_weight, learning_rate_factor

PER_EPOCH = 50
STEPS = 400 * PER_EPOCH


def test_learning_rate():
    factors = [learning_rate_factor(step, STEPS, 0.05) for step in range(STEPS)]
    peak = 20 * PER_EPOCH
    assert factors[0] == pytest.approx(1 / peak)
    assert factors[peak // 2 - 1] == pytest.approx(0.5)
    assert factors[peak] == max(factors) == 1
    assert factors[(STEPS + peak) // 2] == pytest.approx(0.5)
    assert 0 < factors[-1] == pytest.approx(1 / (STEPS - peak))
    slopes = {round(b - a, 9) for a, b in zip(factors[peak:], factors[peak + 1 :], strict=False)}
    assert len(slopes) == 1


def test_alignment_weight():
    weights = [alignment_weight(step, STEPS, 0.05, 0.25) for step in range(STEPS)]
    ramp = 100 * PER_EPOCH
    assert weights[0] == 0
    assert weights[ramp // 2] == pytest.approx(0.025)
    assert weights[ramp] == weights[-1] == 0.05


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("share", [0.0, 0.05, 1.0])
def test_runs_of_a_few_steps(steps, share):
    for step in range(steps):
        assert 0 < learning_rate_factor(step, steps, share) <= 1
        assert 0 <= alignment_weight(step, steps, 0.05, share) <= 0.05

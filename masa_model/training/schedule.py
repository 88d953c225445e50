"""Schedules over a run. They are defined by fractions of all steps, so they fit short and long runs."""

from __future__ import annotations


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Return the factor of the learning rate at a step.

    It rises linearly from 0 to 1 during the warm-up, then decreases linearly to 0 at the end of the run
    (paper: warm-up in 20 of 400 epochs).

    Args:
        step: number of the step, from 0.
        steps: number of steps of the whole run.
        warm_up: warm-up as a fraction of all steps, 0..1.

    Returns:
        the factor in 0..1.
    """
    rising = warm_up * steps
    done = step + 1
    if done < rising:
        return done / rising
    return min(1.0, (steps - step) / (steps - rising)) if rising < steps else 1.0


def alignment_weight(step: int, steps: int, weight: float, ramp: float) -> float:
    """Return the weight λ_s of the alignment loss at a step.

    It rises linearly from 0 to its final value during the ramp (paper: 100 of 400 epochs), then stays
    constant.

    Args:
        step: number of the step, from 0.
        steps: number of steps of the whole run.
        weight: final value of λ_s.
        ramp: ramp as a fraction of all steps, 0..1.
    """
    rising = ramp * steps
    return weight * min(1.0, step / rising) if rising > 0 else weight

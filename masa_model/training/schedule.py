"""What changes over a run, as shares of all its steps, so that short runs mean the same as long ones."""

from __future__ import annotations


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Linear from 0 to 1 over the warm-up, then linear to 0 at the end (paper: 20 and 400 epochs).

    Args:
        step: from 0.
        steps: of the whole run.
        warm_up: its share of all steps, 0..1.
    """
    rising = warm_up * steps
    done = step + 1
    if done < rising:
        return done / rising
    return min(1.0, (steps - step) / (steps - rising)) if rising < steps else 1.0


def alignment_weight(step: int, steps: int, weight: float, ramp: float) -> float:
    """λ_s: linear from 0 to its height over the ramp (paper: 100 of 400 epochs), then constant.

    Args:
        step: from 0.
        steps: of the whole run.
        weight: its height.
        ramp: its share of all steps, 0..1.
    """
    rising = ramp * steps
    return weight * min(1.0, step / rising) if rising > 0 else weight

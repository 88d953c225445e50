"""The first loss that is not finite is found, however late one asks."""

import pytest
import torch

from masa_model.training.progress import LossWatch


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_bad_step_is_kept(bad):
    watch = LossWatch(torch.device("cpu"), 2)
    losses = [(1.0, 2.0), (0.5, 0.25), (bad, 0.125), (3.0, bad), (1.0, 1.0)]
    for step, (motion, alignment) in enumerate(losses):
        assert (watch.found() is None) == (step <= 2)
        watch.see(step, torch.tensor(motion), torch.tensor(alignment))
    step, (motion, alignment) = watch.found()
    assert (step, alignment) == (2, 0.125)
    assert not torch.isfinite(torch.tensor(motion))


def test_step_numbers_of_long_runs_are_exact():
    watch = LossWatch(torch.device("cpu"), 1)
    watch.see(16_777_215, torch.tensor(float("nan")))
    assert watch.found()[0] == 16_777_215

"""A profile of steps whose cost is known."""

import json
import time

import pytest
import torch
from torch.profiler import record_function

from masa_data.errors import DataError
from masa_model.training.profiling import profiled
from masa_model.training.progress import WAITING, Progress

CPU = torch.device("cpu")


def training(steps):
    """Waits a fifth of a second in each step, then multiplies four times and adds once."""
    one = torch.ones(300, 300)
    for step in range(steps):
        with record_function(WAITING):
            time.sleep(0.2)
        for _ in range(4):
            one @ one
        one + one
        yield Progress(step + 1, steps, 0)


def test_it_counts_operations_and_waiting(tmp_path):
    profiles = []
    made = list(profiled(training(9), 4, tmp_path / "profile.json", CPU, profiles.append))
    assert [progress.step for progress in made] == list(range(1, 10))
    (found,) = profiles
    calls = {name: count for name, _, count in found.operations}
    assert (found.steps, calls["aten::mm"], calls["aten::add"]) == (4, 4, 1)
    assert WAITING not in calls
    assert found.seconds >= 0.2
    assert found.waiting == pytest.approx(0.2 / found.seconds, rel=0.2)
    costs = [seconds for _, seconds, _ in found.operations]
    assert costs == sorted(costs, reverse=True)
    events = json.loads(found.trace.read_text())["traceEvents"]
    assert sum(event.get("name") == "aten::mm" for event in events) == 16


@pytest.mark.parametrize("steps", [2, 5])
def test_a_run_that_is_too_short_says_so(tmp_path, steps):
    with pytest.raises(DataError, match=f"only {steps} steps, but a profile of 4 needs 7"):
        list(profiled(training(steps), 4, tmp_path / "profile.json", CPU, lambda profile: None))

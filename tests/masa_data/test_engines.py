"""Tasks in worker processes, some of which die."""

import os
import signal
import time

import pytest

from masa_data.engines import WorkerDiedError, run_in_workers
from masa_data.errors import DataError


def double(number: int) -> tuple[int, int]:
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), 2 * number


class EndsWhoReadsIt:
    def __reduce__(self):
        return os._exit, (7,)


def test_a_worker_that_dies_at_a_task_costs_this_task():
    found = dict(run_in_workers(double, [1, 13, 2, 3], workers=1))
    assert {task: found[task][1] for task in (1, 2, 3)} == {1: 2, 2: 4, 3: 6}
    assert isinstance(found[13], WorkerDiedError)


def test_a_worker_that_dies_between_two_tasks_costs_none():
    seen: list[int] = []

    def tasks():
        for number in range(6):
            if number == 4:
                time.sleep(1)  # all that were given are done by now, and the one worker waits
                os.kill(seen[-1], signal.SIGKILL)
                time.sleep(1)
            yield number

    found = []
    for task, (pid, result) in run_in_workers(double, tasks(), workers=1):
        seen.append(pid)
        found.append((task, result))
    assert sorted(found) == [(number, 2 * number) for number in range(6)]
    assert len(set(seen)) == 2


def test_workers_that_never_begin_end_the_work():
    with pytest.raises(DataError, match="died 3 times before they began with a clip"):
        list(run_in_workers(double, [EndsWhoReadsIt()], workers=1))

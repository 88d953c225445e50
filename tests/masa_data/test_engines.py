"""Tasks in worker processes, some of which die."""

import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from masa_data.errors import DataError
from masa_data.extraction.workers import WorkerDiedError, run_in_workers


def double(number: int) -> tuple[int, int]:
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), 2 * number


class EndsWhoSendsIt:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def ends_while_it_answers(number: int) -> int | EndsWhoSendsIt:
    return EndsWhoSendsIt() if number == 2 else number


def large(number: int, begun: Path) -> tuple[int, bytes]:
    (begun / str(number)).touch()
    return os.getpid(), bytes(10_000_000)


def slowly_doubled(number: int, done: Path) -> int:
    time.sleep(0.2)
    (done / str(number)).touch()
    return 2 * number


def unpicklable(number: int) -> object:
    if number == 1:
        raise ValueError("no such number")
    return lambda: number


class EndsWhoReadsIt:
    def __reduce__(self):
        return os._exit, (7,)


def test_a_worker_that_dies_at_a_task_costs_this_task():
    found = dict(run_in_workers(double, [1, 13, 2, 3], workers=1))
    assert {task: found[task][1] for task in (1, 2, 3)} == {1: 2, 2: 4, 3: 6}
    assert isinstance(found[13], WorkerDiedError)


def test_a_worker_that_dies_while_it_answers_leaves_the_others_at_work():
    found = dict(run_in_workers(ends_while_it_answers, range(8), workers=2))
    assert isinstance(found.pop(2), WorkerDiedError)
    assert found == {number: number for number in (0, 1, 3, 4, 5, 6, 7)}


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, file
        time.sleep(0.05)


def test_half_an_answer_is_none(tmp_path):
    results = run_in_workers(partial(large, begun=tmp_path), range(4), workers=1)
    pid, _ = next(results)[1]
    wait_for(tmp_path / "1")
    time.sleep(0.5)  # it is answering now, with more than a pipe holds
    os.kill(pid, signal.SIGKILL)
    assert isinstance(next(results)[1], WorkerDiedError)
    assert [len(result[1]) for _, result in results] == [10_000_000] * 2


def test_an_exception_of_a_task_is_its_outcome_and_says_where_it_was_raised():
    found = dict(run_in_workers(unpicklable, [1, 2], workers=1))
    assert isinstance(found[1], ValueError)
    assert "in unpicklable" in str(found[1].__cause__)
    assert "pickle" in str(found[2])


def test_workers_that_are_killed_together_while_they_wait_cost_no_task(tmp_path):
    def tasks():
        yield from range(8)
        for number in range(8):  # all that were given
            wait_for(tmp_path / str(number))
        time.sleep(0.5)  # for the last answer
        workers = multiprocessing.active_children()
        assert len(workers) == 4
        for worker in workers:
            worker.kill()
        time.sleep(0.5)
        yield from range(8, 16)

    found = dict(run_in_workers(partial(slowly_doubled, done=tmp_path), tasks(), workers=4))
    assert found == {number: 2 * number for number in range(16)}


def test_an_interrupt_for_all_is_not_heard_by_a_worker_that_is_starting():
    started = []

    def tasks():
        yield 1
        (worker,) = multiprocessing.active_children()
        os.kill(worker.pid, signal.SIGINT)
        started.append(worker.pid)

    found = dict(run_in_workers(double, tasks(), workers=2))
    assert found[1] == (started[0], 2)


def test_closing_ends_the_workers_at_once():
    results = run_in_workers(double, iter(int, 1), workers=2)
    next(results)
    results.close()
    assert not multiprocessing.active_children()


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
    with pytest.raises(DataError, match="died 3 times before they started a clip"):
        list(run_in_workers(double, [EndsWhoReadsIt()], workers=1))

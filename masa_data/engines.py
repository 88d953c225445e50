"""Where extraction runs: in worker processes on this machine.

A worker that dies (a decoder crash, the kernel's out-of-memory killer) costs the clip it was at, no more.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import chain, islice
from typing import Final, TypeVar

from pebble import ProcessExpired, ProcessPool

from masa_data.errors import DataError

Task = TypeVar("Task")
Result = TypeVar("Result")


# So many pools may break one after the other without a result.
_FRUITLESS_POOLS: Final = 3
# A pool that breaks may leave tasks without an answer; how often it is asked whether it did.
_SECONDS_BETWEEN_LOOKS: Final = 1.0


class WorkerDiedError(Exception):
    """The worker process ended while at a task."""


def available_cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_workers(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result | BaseException]]:
    """Apply a function to every task in worker processes.

    Results come as they are ready. Only a few tasks are in hand at a time, so that the memory needed does
    not grow with their number. Closing the iterator stops the workers at once.

    Args:
        function: must be picklable, as must tasks and results.
        tasks: taken one by one.
        workers: number of processes.

    Yields:
        each task with its result, or with the exception it ended in (WorkerDiedError if the process died).

    Raises:
        DataError: if workers die again and again before they begin a task.
    """
    # glibc gives every native thread a heap of its own; one for all keeps a worker's memory level.
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    remaining, fruitless = iter(tasks), 0
    while True:
        not_begun: list[Task] = []
        with closing(_run_in_pool(function, remaining, workers, not_begun)) as results:
            for result in results:
                fruitless = 0
                yield result
        if not not_begun:
            return
        fruitless += 1
        if fruitless == _FRUITLESS_POOLS:
            raise DataError(
                f"worker processes died {fruitless} times before they began with a clip",
                "See in the system's log who ended them; memory may be short: try --workers 1",
            )
        remaining = chain(not_begun, remaining)


def _run_in_pool(
    function: Callable[[Task], Result], tasks: Iterator[Task], workers: int, not_begun: list[Task]
) -> Generator[tuple[Task, Result | BaseException]]:
    """As run_in_workers, until the tasks or the pool are at an end.

    A worker that dies while it waits for a task breaks pebble's pool if no other is at work. What had not
    begun by then is put into `not_begun`.
    """
    pool = ProcessPool(max_workers=workers, context=multiprocessing.get_context("spawn"))
    in_hand: dict[Future[Result], Task] = {}
    try:
        while True:
            for task in islice(tasks, workers + 1 - len(in_hand)):
                try:
                    in_hand[pool.schedule(function, args=(task,))] = task
                except RuntimeError:  # it has just broken
                    not_begun.append(task)
                    break
            if not in_hand:
                return
            done, _ = wait(in_hand, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
            broken = not pool.active
            for future in list(in_hand) if broken else done:
                task = in_hand.pop(future)
                if future.done() and not isinstance(future.exception(), BrokenProcessPool):
                    outcome: Result | BaseException = _outcome(future)
                    yield task, outcome
                else:
                    not_begun.append(task)
            if broken:
                return
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _outcome(future: Future[Result]) -> Result | BaseException:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ProcessExpired):
        return WorkerDiedError(f"its process ended with exit code {error.exitcode}")
    return error

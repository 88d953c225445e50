"""Where extraction runs: in worker processes on this machine.

A worker that dies (a decoder crash, the kernel's out-of-memory killer) costs the clip it was at, no more.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

Task = TypeVar("Task")
Result = TypeVar("Result")


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
    """
    # glibc gives every native thread a heap of its own; one for all keeps a worker's memory level.
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    remaining = iter(tasks)
    pool = ProcessPool(max_workers=workers, context=multiprocessing.get_context("spawn"))
    in_hand: dict[Future[Result], Task] = {}
    try:
        while True:
            for task in islice(remaining, workers + 1 - len(in_hand)):
                in_hand[pool.schedule(function, args=(task,))] = task
            if not in_hand:
                break
            done, _ = wait(in_hand, return_when=FIRST_COMPLETED)
            for future in done:
                outcome: Result | BaseException = _outcome(future)
                yield in_hand.pop(future), outcome
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

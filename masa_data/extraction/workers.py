"""Where extraction runs: in worker processes on this machine.

A worker that dies (a decoder crash, the kernel's out-of-memory killer) costs the clip it was at, no more.
That is why each has a pipe of its own. The pools of libraries have one for all, with a lock: a worker that
is killed while it holds the lock leaves the others waiting for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Final, Generic, TypeVar

from masa_data.errors import DataError

Task = TypeVar("Task")
Result = TypeVar("Result")

# So many new workers may die, one after the other, before they begin a task.
_FRUITLESS_STARTS: Final = 3


class WorkerDiedError(Exception):
    """The worker process ended while at a task."""


def run_in_workers(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Generator[tuple[Task, Result | BaseException]]:
    """Apply a function to every task in worker processes.

    Results come as they are ready. A worker has one task in hand at a time, so that the memory needed does
    not grow with their number. Closing the iterator stops the workers at once; they end
    with this process, too.

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
    idle: list[_Worker[Task, Result]] = []
    busy: list[_Worker[Task, Result]] = []
    done: list[tuple[Task, Result | BaseException]] = []
    try:
        while True:
            for task in islice(remaining, workers - len(busy)):
                worker = idle.pop() if idle else _Worker(function)
                busy.append(worker)
                worker.give(task)
            yield from done  # meanwhile the workers are at their next tasks
            if fruitless >= _FRUITLESS_STARTS:
                raise DataError(
                    f"worker processes died {fruitless} times before they began with a clip",
                    "See in the system's log who ended them; memory may be short: try {workers}",
                    workers=1,
                )
            if not busy:
                return
            done = []
            heard = wait([worker.connection for worker in busy])
            for worker in [worker for worker in busy if worker.connection in heard]:
                message = worker.receive()
                if isinstance(message, _Begun):
                    fruitless = 0
                    continue
                busy.remove(worker)
                if isinstance(message, _Answer):
                    done.append((worker.task, message.outcome))
                    idle.append(worker)
                elif worker.at_task:
                    done.append((worker.task, message))
                else:
                    remaining = chain([worker.task], remaining)
                    fruitless += worker.new
    finally:
        for worker in (*idle, *busy):
            worker.stop()


class _Begun:
    """What a worker says when it has taken a task."""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """What a worker says when it has done a task: the result, or the exception with where it was raised."""

    outcome: Result | BaseException
    where: str = ""


class _Worker(Generic[Task, Result]):
    """A process and the parent's end of the pipe to it."""

    task: Task

    def __init__(self, function: Callable[[Task], Result]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(function, theirs), daemon=True)
        with _interrupts_held_back(), _main_left_alone():
            self.process.start()
        theirs.close()  # so that the pipe ends when the worker does
        self.new = True
        self.at_task = False

    def give(self, task: Task) -> None:
        self.task, self.at_task = task, False
        with suppress(OSError):  # it died while it was idle: receive() says so
            self.connection.send(task)

    def receive(self) -> _Begun | _Answer[Result] | WorkerDiedError:
        try:
            message: _Begun | _Answer[Result] = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            return WorkerDiedError(f"its process ended with exit code {self.process.exitcode}")
        if isinstance(message, _Begun):
            self.new, self.at_task = False, True
        elif isinstance(message.outcome, BaseException):
            message.outcome.__cause__ = RuntimeError(f"in a worker process:\n{message.where}")
        return message

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start a process deaf to Ctrl-C, which a terminal sends to all: it is for the parent to end its workers.

    A worker that only ignored it once it runs would die with a traceback while it is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else start() does it, and unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """Start a process that does not run the user's script again.

    A new process imports the main module to find functions in it. Ours are not there; and a script that
    extracts without asking for its `__name__` would begin anew in every worker.
    """
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _work(function: Callable[[Task], Result], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    _leave_with_parent()
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            task = connection.recv()
            connection.send(_Begun())
            answer = _answer(function, task)
            try:
                connection.send(answer)
            except (AttributeError, TypeError, pickle.PicklingError) as error:
                connection.send(_Answer(error, traceback.format_exc()))


def _answer(function: Callable[[Task], Result], task: Task) -> _Answer[Result]:
    try:
        return _Answer(function(task))
    except BaseException as error:
        return _Answer(error, traceback.format_exc())


def _leave_with_parent() -> None:
    """End this process when its parent is killed, instead of going on with its task for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

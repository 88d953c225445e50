"""Worker processes for the extraction on this machine.

If a worker dies (a decoder crash, or the kernel's out-of-memory killer), only its current clip fails.
Therefore each worker has its own pipe. The pools of libraries have one pipe for all workers, with a lock: if
a worker is killed while it holds the lock, the others wait forever.
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

# Maximum number of new workers that may die in succession before they start a task.
_FRUITLESS_STARTS: Final = 3


class WorkerDiedError(Exception):
    """The worker process ended during a task."""


def run_in_workers(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Generator[tuple[Task, Result | BaseException]]:
    """Apply a function to every task in worker processes.

    Results are yielded as they become available. Each worker has one task at a time, so memory does not grow
    with the number of tasks. Closing the iterator stops the workers immediately; they also end with this
    process.

    Args:
        function: must be picklable, as must tasks and results.
        tasks: the tasks; read one by one.
        workers: number of processes.

    Yields:
        each task with its result, or with the exception that it raised (WorkerDiedError if the process died).

    Raises:
        DataError: if workers die repeatedly before they start a task.
    """
    # glibc gives every native thread its own heap; a single heap keeps a worker's memory constant.
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
            yield from done  # meanwhile the workers work on their next tasks
            if fruitless >= _FRUITLESS_STARTS:
                raise DataError(
                    f"worker processes died {fruitless} times before they started a clip",
                    "Check in the system's log why they ended; memory may be insufficient: try {workers}",
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
    """A worker's message that it has started a task."""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """A worker's message that it has finished a task: the result, or the exception with its traceback."""

    outcome: Result | BaseException
    where: str = ""


class _Worker(Generic[Task, Result]):
    """A process, and the parent's end of its pipe."""

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
        with suppress(OSError):  # it died while it was idle: receive() reports this
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
    """Start a process that ignores Ctrl-C, which a terminal sends to all; the parent ends its workers.

    A worker that ignored it only after its start would die with a traceback while it is still importing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # otherwise start() does this, and unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """Start a process that does not run the user's script again.

    A new process imports the main module to find functions in it. No function of this package is there; and a
    script that extracts without checking its `__name__` would start again in every worker.
    """
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _work(function: Callable[[Task], Result], connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems where it cannot be blocked before the start
    _leave_with_parent()
    with suppress(EOFError, OSError):  # the parent has ended
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
    """End this process when its parent is killed, because nobody needs the result of its task."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""Decoding of the next frames while the network works on the previous ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """The last entry of the queue: there are no more items, or reading the next one failed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the same items in the same order, but read them in advance in a separate thread.

    An exception of theirs is raised here at its position. If the caller stops early, the thread also ends.

    Args:
        items: the items; only the thread uses them until this iterator ends.
        most: maximum number of items in memory.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(most)
    stop = threading.Event()

    def put(item: Item | _End) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def get_all() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
        except BaseException as error:
            put(_End(error))
        else:
            put(_End())

    thread = threading.Thread(target=get_all, daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()

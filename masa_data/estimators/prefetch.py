"""Let decoding of the next frames go on while the network is busy with the last ones."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """The last thing in the queue: the items are over, or getting the next one failed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[Item], most: int) -> Iterator[Item]:
    """The same items in the same order, got in a thread of their own ahead of being asked for.

    An exception of theirs is raised here, in its place. If the caller stops early the thread ends too.

    Args:
        items: used by the thread only, until this iterator ends.
        most: how many to hold at a time.
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

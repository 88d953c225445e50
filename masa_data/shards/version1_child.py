"""A script, run in a process of its own: says where columns of files of version 1 lie, and reads texts.

HDF5's library does not survive every damaged file: it crashes, takes gigabytes or never returns. So it runs
here, with limits on memory and computing time, and can be ended from outside. It imports nothing of this
package, so that it starts fast.

A line of JSON comes in for each file, a line of JSON and the bytes it announces go out:

    {"path", "cpu_seconds", "attributes": [names], "numbers": {kind: [paths]}, "texts": {kind: [paths]}}
    {"attributes": {name: text or number}, "places": {path: {"dtype", "shape", "offset"}},
     "texts": {path: [bytes of the lengths, bytes of the texts]}}   or   {"error": text}
"""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

MEMORY: Final = 512 << 20  # beyond what the interpreter and the libraries take
ROWS_AT_ONCE: Final = 1 << 14
LONGEST_ATTRIBUTE: Final = 1 << 20


class RefusedError(Exception):
    """What a file holds is not as version 1 has it."""


def limit_memory() -> None:
    """Let no file make this process take more than `MEMORY`."""
    with contextlib.suppress(OSError, ValueError):  # where the system knows no such limit
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_time(seconds: int) -> None:
    """End this process when it has computed for so long from now on."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used) + seconds, hard))


@contextlib.contextmanager
def only_one_file() -> Iterator[None]:
    """Let one file be opened and no other: whatever it refers to outside of it stays closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def attribute(file: h5py.File, name: str) -> str | int | None:
    """A single text or whole number; None if there is none."""
    if not h5py.h5a.exists(file.id, name.encode()):
        return None
    found = h5py.h5a.open(file.id, name.encode())
    if found.get_space().get_simple_extent_type() != h5py.h5s.SCALAR:
        raise RefusedError(f"its attribute {name!r} is not a single value")
    kind = found.get_type().get_class()
    if kind not in (h5py.h5t.STRING, h5py.h5t.INTEGER):
        raise RefusedError(f"its attribute {name!r} is neither a text nor a number")
    if found.get_type().get_size() > LONGEST_ATTRIBUTE:
        raise RefusedError(f"its attribute {name!r} is too long")
    value = file.attrs[name]
    if isinstance(value, np.integer):
        return int(value)
    text = value.decode() if isinstance(value, bytes) else str(value)
    if len(text) > LONGEST_ATTRIBUTE:
        raise RefusedError(f"its attribute {name!r} is too long")
    return text


def plain_dataset(file: h5py.File, path: str) -> h5py.Dataset:
    """A dataset, if it stands in one piece in this file and is reached without a link that could lead out."""
    parent = file
    for key in path.split("/"):
        if not isinstance(parent, h5py.Group) or not isinstance(parent.get(key, getlink=True), h5py.HardLink):
            raise RefusedError(f"it lacks {path}")
        parent = parent[key]
    if not isinstance(parent, h5py.Dataset):
        raise RefusedError(f"{path} is not a dataset")
    # Before anything else is asked: the shape of a virtual dataset is looked up in other files.
    layout = parent.id.get_create_plist()
    if layout.get_layout() != h5py.h5d.CONTIGUOUS or layout.get_external_count() > 0:
        raise RefusedError(f"{path} is not stored in one piece in this file")
    return parent


def place(file: h5py.File, path: str) -> dict[str, Any]:
    """Where the numbers of a dataset lie."""
    dataset = plain_dataset(file, path)
    shape = dataset.shape or ()
    offset = dataset.id.get_offset()
    if offset is None and 0 not in shape:
        raise RefusedError(f"{path} has no values")
    return {"dtype": dataset.dtype.str, "shape": list(map(int, shape)), "offset": offset or 0}


def texts(file: h5py.File, path: str, size: int) -> tuple[bytes, bytes]:
    """The lengths of texts in bytes, as little-endian uint32, and the texts one after the other."""
    dataset = plain_dataset(file, path)
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or kind.length is not None or len(dataset.shape or ()) != 1:
        raise RefusedError(f"{path} is {dataset.dtype} {dataset.shape}, expected a row of texts")
    rows = int(dataset.shape[0])
    if 16 * rows > size:  # 16 bytes refer to each
        raise RefusedError(f"{path} reaches past the end of the file")
    lengths = np.empty(rows, "<u4")
    parts = []
    total = 0
    for first in range(0, rows, ROWS_AT_ONCE):
        values = dataset[first : first + ROWS_AT_ONCE].tolist()
        lengths[first : first + len(values)] = list(map(len, values))
        parts.append(b"".join(values))
        total += len(parts[-1])
        if total > size:  # each text is stored once
            raise RefusedError(f"{path} holds more than fits into the file")
    return lengths.tobytes(), b"".join(parts)


def answer(request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """What is in one file."""
    size = Path(request["path"]).stat().st_size
    # Locks fail on many network file systems; finished files are never written to again.
    with only_one_file(), h5py.File(request["path"], "r", locking=False) as file:
        attributes = {name: attribute(file, name) for name in request["attributes"]}
        kind = attributes["kind"] if attributes["version"] == 1 else None
        places = {path: place(file, path) for path in request["numbers"].get(kind, ())}
        columns = {path: texts(file, path, size) for path in request["texts"].get(kind, ())}
    sizes = {path: list(map(len, pair)) for path, pair in columns.items()}
    blocks = [block for pair in columns.values() for block in pair]
    return {"attributes": attributes, "places": places, "texts": sizes}, blocks


def main() -> None:
    """Answer line by line until there are no more."""
    codecs.lookup("ascii")  # h5py needs it, and while a file is open none of Python's can be opened
    limit_memory()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limit_time(request["cpu_seconds"])
        blocks: list[bytes] = []
        try:
            reply, blocks = answer(request)
        except RefusedError as error:
            reply = {"refused": str(error)}
        except Exception as error:  # h5py raises all kinds on damaged files
            reply = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]}
        for block in (json.dumps(reply).encode() + b"\n", *blocks):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

"""A script for a separate process: finds the columns of files of version 1 and reads their texts.

HDF5's library cannot handle every damaged file: it may crash, use gigabytes of memory or never return. So it
runs here, with limits on memory and computing time, and can be stopped from outside. The script imports
nothing of this package, so that it starts fast.

For each file it reads a line of JSON, and writes a line of JSON followed by the bytes that the line declares:

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

MEMORY: Final = 512 << 20  # in addition to the memory of the interpreter and the libraries
ROWS_AT_ONCE: Final = 1 << 14
LONGEST_ATTRIBUTE: Final = 1 << 20


class RefusedError(Exception):
    """The content of a file is not valid in version 1."""


def limit_memory() -> None:
    """Limit the memory of this process to `MEMORY`, whatever a file contains."""
    with contextlib.suppress(OSError, ValueError):  # if the system has no such limit
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_time(seconds: int) -> None:
    """End this process after this many further seconds of computing."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used) + seconds, hard))


@contextlib.contextmanager
def only_one_file() -> Iterator[None]:
    """Allow one file to be opened and no other; external references of the file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def attribute(file: h5py.File, name: str) -> str | int | None:
    """Return a single text or integer; None if there is none."""
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
    """Return a dataset if it is contiguous in this file and its path contains no link to another file."""
    parent = file
    for key in path.split("/"):
        if not isinstance(parent, h5py.Group) or not isinstance(parent.get(key, getlink=True), h5py.HardLink):
            raise RefusedError(f"it lacks {path}")
        parent = parent[key]
    if not isinstance(parent, h5py.Dataset):
        raise RefusedError(f"{path} is not a dataset")
    # Checked first, because the shape of a virtual dataset is read from other files.
    layout = parent.id.get_create_plist()
    if layout.get_layout() != h5py.h5d.CONTIGUOUS or layout.get_external_count() > 0:
        raise RefusedError(f"{path} is not contiguous in this file")
    return parent


def place(file: h5py.File, path: str) -> dict[str, Any]:
    """Return the location of the numbers of a dataset."""
    dataset = plain_dataset(file, path)
    shape = dataset.shape or ()
    offset = dataset.id.get_offset()
    if offset is None and 0 not in shape:
        raise RefusedError(f"{path} has no values")
    return {"dtype": dataset.dtype.str, "shape": list(map(int, shape)), "offset": offset or 0}


def texts(file: h5py.File, path: str, size: int) -> tuple[bytes, bytes]:
    """Return the lengths of texts in bytes, as little-endian uint32, and the concatenated texts."""
    dataset = plain_dataset(file, path)
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or kind.length is not None or len(dataset.shape or ()) != 1:
        raise RefusedError(f"{path} is {dataset.dtype} {dataset.shape}, expected a row of texts")
    rows = int(dataset.shape[0])
    if 16 * rows > size:  # the reference to each text has 16 bytes
        raise RefusedError(f"{path} extends past the end of the file")
    lengths = np.empty(rows, "<u4")
    parts = []
    total = 0
    for first in range(0, rows, ROWS_AT_ONCE):
        values = dataset[first : first + ROWS_AT_ONCE].tolist()
        lengths[first : first + len(values)] = list(map(len, values))
        parts.append(b"".join(values))
        total += len(parts[-1])
        if total > size:  # each text is stored once
            raise RefusedError(f"{path} contains more than fits into the file")
    return lengths.tobytes(), b"".join(parts)


def answer(request: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the content of one file."""
    size = Path(request["path"]).stat().st_size
    # Locks fail on many network file systems; finished files are never modified.
    with only_one_file(), h5py.File(request["path"], "r", locking=False) as file:
        attributes = {name: attribute(file, name) for name in request["attributes"]}
        kind = attributes["kind"] if attributes["version"] == 1 else None
        places = {path: place(file, path) for path in request["numbers"].get(kind, ())}
        columns = {path: texts(file, path, size) for path in request["texts"].get(kind, ())}
    sizes = {path: list(map(len, pair)) for path, pair in columns.items()}
    blocks = [block for pair in columns.values() for block in pair]
    return {"attributes": attributes, "places": places, "texts": sizes}, blocks


def main() -> None:
    """Answer requests, one per line, until there are no more."""
    codecs.lookup("ascii")  # h5py needs it, and no Python file can be imported while a file is open
    limit_memory()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limit_time(request["cpu_seconds"])
        blocks: list[bytes] = []
        try:
            reply, blocks = answer(request)
        except RefusedError as error:
            reply = {"refused": str(error)}
        except Exception as error:  # h5py raises many types of errors on damaged files
            reply = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]}
        for block in (json.dumps(reply).encode() + b"\n", *blocks):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

"""Reads files of version 1, which have no checksum of all their content, with HDF5 in a child process.

The child's answers are checked like a header of version 2. This process maps the frames.
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter, ValidationError
from typing_extensions import Self

from masa_data.errors import DamagedFileError, DataError
from masa_data.shards.contents import RESTORE, Contents, Place
from masa_data.shards.spec import (
    CLIP_COLUMNS,
    FORMAT_NAME,
    FORMAT_VERSION,
    FRAME_COLUMNS,
    OFFSETS,
    SHARD_COLUMNS,
    STRING,
)
from masa_data.tracks.provenance import Provenance
from masa_data.tracks.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS

HDF5_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"

_CHILD: Final = Path(__file__).with_name("version1_child.py")
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
)
# Seconds of computing, so that a slow disk or a busy machine does not count; a large file needs a few.
_CPU_SECONDS: Final = 3
_BYTES_A_SECOND: Final = 50 << 20
_MOST_CPU_SECONDS: Final = 120
# Seconds of waiting for each second of computing: for a file system that does not answer.
_WALL_SECONDS: Final = 20
_MOST_REPLY: Final = 1 << 30
_ATTRIBUTES: Final = ("format", "version", "kind", "keypoint_names", "provenance")
_SHARD: Final = (*FRAME_COLUMNS.values(), *CLIP_COLUMNS.values(), OFFSETS)
_NUMBERS: Final = {
    kind: [column.path for column in columns if column.dtype != STRING]
    for kind, columns in (("shard", _SHARD), ("index", SHARD_COLUMNS.values()))
}
_TEXTS: Final = {
    kind: [column.path for column in columns if column.dtype == STRING]
    for kind, columns in (("shard", _SHARD), ("index", SHARD_COLUMNS.values()))
}
_PLACES: Final = TypeAdapter(dict[str, Place])


class Version1Reader:
    """Opens files of version 1, all with one child process, which starts with the first file."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def open(self, path: Path) -> Contents:
        """Map a file and read its texts.

        Raises:
            DataError: if it is damaged, of another format, version or skeleton, or HDF5 cannot read it.
            OSError: if it cannot be read, or no child process can be started.
        """
        with path.open("rb") as file:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reply, blocks = self._ask(path, len(pages))
        if "refused" in reply:
            raise DamagedFileError(f"{path}: {reply['refused']}", RESTORE)
        if "error" in reply:
            why = "is truncated" if "truncated" in reply["error"] else "is damaged"
            raise DamagedFileError(f"{path} {why}: HDF5 cannot read it ({reply['error']})", RESTORE)
        kind, provenance = _checked(reply["attributes"], path)
        try:
            places = _PLACES.validate_json(json.dumps(reply["places"]))
        except ValidationError:
            raise DamagedFileError(f"{path} is damaged: HDF5 reports invalid values", RESTORE) from None
        contents = {}
        for name, sizes in reply["texts"].items():
            lengths, texts = blocks[: sizes[0]], blocks[sizes[0] : sum(sizes)]
            blocks = blocks[sum(sizes) :]
            contents[name] = partial(_cut, bytes(lengths), bytes(texts))
            places[name] = Place(dtype="|S1", shape=(len(lengths) // 4,), offset=0)
        return Contents(path, 1, kind, provenance, pages, places, contents)

    def _ask(self, path: Path, size: int) -> tuple[dict[str, Any], memoryview]:
        """Return the child's answer about a file, and the texts of its clips."""
        seconds = min(_CPU_SECONDS + size // _BYTES_A_SECOND, _MOST_CPU_SECONDS)
        request = {
            "path": str(path.absolute()),
            "cpu_seconds": seconds,
            "attributes": _ATTRIBUTES,
            "numbers": _NUMBERS,
            "texts": _TEXTS,
        }
        child = self._child = self._child or _start()
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            return _received(child.stdout.fileno(), time.monotonic() + _WALL_SECONDS * seconds)
        except (_ChildEndedError, BrokenPipeError):
            if self._end(patience=5) == -signal.SIGXCPU:
                what = f"does not finish reading it in {seconds} s of computing"
            else:
                what = "crashes while reading it"
            raise DamagedFileError(f"{path} is damaged: HDF5 {what}", RESTORE) from None
        except TimeoutError:
            self._end()
            raise DamagedFileError(
                f"{path} is damaged: HDF5 does not finish reading it in {_WALL_SECONDS * seconds} s, or its "
                "disk does not answer",
                RESTORE,
            ) from None
        except BaseException:  # an interruption, to which HDF5 may not react
            self._end()
            raise

    def _end(self, patience: float = 0) -> int:
        """End the child if it does not end by itself; return its exit code, 0 if there is no child."""
        child, self._child = self._child, None
        if child is None:
            return 0
        with child:  # closes the pipes
            try:
                return child.wait(patience)
            except subprocess.TimeoutExpired:
                child.kill()
                return child.wait()


class _ChildEndedError(Exception):
    """The child process has ended."""


def _start() -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HDF5_")}
    # No libraries next to the file or from the user's settings are loaded; no threads, which reserve memory.
    environment |= {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _START, str(_CHILD), *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def _received(pipe: int, deadline: float) -> tuple[dict[str, Any], memoryview]:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)

        def more() -> bytes:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            block = os.read(pipe, 1 << 20)
            if not block:
                raise _ChildEndedError
            return block

        content = bytearray()
        while (end := content.find(b"\n")) < 0:
            content += more()
            if len(content) > _MOST_REPLY:
                raise _ChildEndedError
        reply: dict[str, Any] = json.loads(content[:end])
        wanted = end + 1 + sum(map(sum, reply.get("texts", {}).values()))
        if wanted > _MOST_REPLY:
            raise _ChildEndedError
        while len(content) < wanted:
            content += more()
    return reply, memoryview(content)[end + 1 :]


def _checked(attributes: dict[str, Any], path: Path) -> tuple[Any, Provenance]:
    """Return kind and provenance, after checking that format, version and skeleton are correct."""
    if attributes["format"] != FORMAT_NAME:
        raise DataError(
            f"{path} is an HDF5 file, but not of pose shards (its attribute 'format' is "
            f"{attributes['format']!r:.60}, expected {FORMAT_NAME!r})",
            "Give a file that masa-extract wrote",
        )
    version = attributes["version"]
    if version != 1:
        raise DataError(
            f"{path} is of format version {version!r:.20} without that version's header; this installation "
            f"reads versions 1 and {FORMAT_VERSION}",
            "Run `pip install --upgrade masa-slr`, or extract the videos again with this version"
            if isinstance(version, int) and version > FORMAT_VERSION
            else "No release wrote this version: the file is damaged; download or extract it again",
        )
    if attributes["keypoint_names"] != json.dumps(KEYPOINT_NAMES):
        raise DataError(
            f"{path} has another skeleton than the {NUM_KEYPOINTS} keypoints of {FORMAT_NAME} version 1",
            "Extract the videos again with this version",
        )
    if attributes["kind"] not in ("shard", "index"):
        raise DamagedFileError(
            f"{path} is of kind {attributes['kind']!r:.60}, expected shard or index", RESTORE
        )
    try:
        provenance = Provenance.model_validate_json(attributes["provenance"] or "")
    except (ValidationError, TypeError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise DamagedFileError(
            f"{path}: its attribute 'provenance' cannot be read ({why!s:.200})", RESTORE
        ) from None
    return attributes["kind"], provenance


def _cut(lengths: bytes, texts: bytes) -> list[bytes]:
    cut = []
    start = 0
    for length in np.frombuffer(lengths, "<u4").tolist():
        cut.append(texts[start : start + length])
        start += length
    return cut

"""How much memory and time a command takes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

_PROGRAM = """
import importlib, sys
from pathlib import Path
try:
    importlib.import_module(f"masa_cli.{sys.argv[2]}").main(sys.argv[3:])
finally:
    Path(sys.argv[1]).write_text(Path("/proc/self/status").read_text())
"""


class Measured(NamedTuple):
    """What came of a command: exit code, what it printed, its highest memory in MB, its time in seconds."""

    code: int
    output: str
    megabytes: float
    seconds: float


def measure(command: str, folder: Path, *arguments: object, timeout: float = 300) -> Measured:
    """Run a module of masa_cli with these arguments; `folder` is there for its notes."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, folder / "status", command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    megabytes = peak_kilobytes(folder / "status") / 1024
    return Measured(done.returncode, done.stdout, megabytes, time.monotonic() - start)


def peak_kilobytes(status: Path = Path("/proc/self/status")) -> int:
    """The highest memory so far of this process, or of one whose status was kept; Linux only.

    Not ru_maxrss, in which the memory of the process that started it counts too.
    """
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(kilobytes)

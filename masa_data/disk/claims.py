"""One process at a time: a claim to a folder or file, by a lock, or by a file where there are no locks.

A lock ends with its process, however that dies. Some network file systems (NFS, Lustre) are mounted without
locks; there a file that only one process can make (O_EXCL) says who works. One that a killed process of this
machine left is taken over; of another machine nothing can be known, so a person must remove it.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from typing_extensions import Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# What file systems without locks answer: ENOLCK above all, others the rest.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
_HELD: Final = frozenset({errno.EAGAIN, errno.EACCES})
_POLL_S: Final = 0.2


class TakenError(Exception):
    """Another process holds the claim; the text says which, as far as it is known."""


@dataclass(slots=True)
class Claim:
    """A claim that this process holds until `release`, or until it ends.

    Attributes:
        note: a line for the user if there are no locks here; else "".
    """

    note: str
    _descriptor: int | None
    _file: Path | None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give it up; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # which unlocks
            self._descriptor = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None


def claim(path: Path) -> Claim:
    """Claim what a lock file stands for.

    Args:
        path: the lock file, made where it is not there. It stays: to remove it while others try to lock it
            would give it to two.

    Raises:
        TakenError: if another process has it.
        OSError: if the file cannot be made.
    """
    while fcntl is not None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.fstat(descriptor).st_nlink > 0
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                raise TakenError("another process") from None
            if error.errno not in _NO_LOCKS:
                raise
            break
        if is_there:
            return Claim("", descriptor, None)
        os.close(descriptor)  # whoever held it before removed it: make a new one
    return _claim_by_file(path.with_name(path.name + ".owner"))


def claim_in_turn(path: Path) -> Claim:
    """As `claim`, but wait until whoever has it gives it up.

    Raises:
        OSError: if the file cannot be made.
    """
    while True:
        try:
            return claim(path)
        except TakenError:
            time.sleep(_POLL_S)


def _claim_by_file(path: Path) -> Claim:
    me = {"host": socket.gethostname(), "pid": os.getpid(), "started": _start_of(os.getpid())}
    # Filled before it gets its name, so that nobody ever reads an empty one.
    own = path.with_name(f"{path.name}.{me['host']}.{me['pid']}")
    own.write_text(json.dumps(me), encoding="utf-8")
    try:
        for _ in range(3):
            try:
                _name_exclusively(own, path)
            except FileExistsError:
                holder = _read(path)
                if holder is None or not _has_ended(holder):
                    raise TakenError(_described(holder, path)) from None
                _remove_if_still(path, holder)
            else:
                return Claim(f"This file system has no locks; {path} marks that it is in use", None, path)
        raise TakenError("another process")
    finally:
        own.unlink(missing_ok=True)


def _name_exclusively(own: Path, path: Path) -> None:
    """Give a file a second name that must be free; by O_EXCL where there are no hard links."""
    try:
        os.link(own, path)
    except FileExistsError:
        raise
    except OSError:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(own.read_bytes())


def _read(path: Path) -> dict[str, object] | None:
    """Who holds it; None if the file does not say, or is gone."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return holder if isinstance(holder, dict) else None


def _has_ended(holder: dict[str, object]) -> bool:
    """Whether it was a process of this machine that is no more."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # somebody else's
    # Another process may have its number by now.
    return holder.get("started") != _start_of(pid)


def _start_of(pid: int) -> str:
    """When a process was started, in the kernel's count; "" where the system does not tell."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return ""


def _remove_if_still(path: Path, holder: dict[str, object]) -> None:
    """Remove a claim that was left behind, unless another process took it over meanwhile."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.old")
    with suppress(FileNotFoundError):
        path.rename(aside)
        if _read(aside) != holder:
            with suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink(missing_ok=True)


def _described(holder: dict[str, object] | None, path: Path) -> str:
    who = f"process {holder.get('pid')} on {holder.get('host')}" if holder else "another process"
    return f"{who} (if it has ended, remove {path})"

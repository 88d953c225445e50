"""Exclusive claims of a process to a folder or file, by a lock, or by a file if locks are unavailable.

A lock ends with its process. Some network file systems (NFS, Lustre) are mounted without locks; there, a file
that only one process can create (O_EXCL) marks the claim. If a killed process of this machine left it, it is
taken over; the state of a process on another machine is unknown, so a person must remove the file.
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

# Errors of file systems without locks: usually ENOLCK.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
_HELD: Final = frozenset({errno.EAGAIN, errno.EACCES})
_POLL_S: Final = 0.2


class TakenError(Exception):
    """Another process has the claim; the text names it, as far as it is known."""


@dataclass(slots=True)
class Claim:
    """A claim of this process until `release`, or until the process ends.

    Attributes:
        note: a message for the user if locks are unavailable; else "".
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
        """Release the claim; further calls do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # this releases the lock
            self._descriptor = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None


def claim(path: Path) -> Claim:
    """Claim the folder or file of a lock file.

    Args:
        path: the lock file, created if it does not exist. It is not removed, because a process that is just
            locking it and a process that creates a new one would both have the claim.

    Raises:
        TakenError: if another process has the claim.
        OSError: if the file cannot be created.
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
        os.close(descriptor)  # the previous owner removed the file: create a new one
    return _claim_by_file(path.with_name(path.name + ".owner"))


def claim_in_turn(path: Path) -> Claim:
    """Make a claim as `claim` does, but wait until another process releases it.

    Raises:
        OSError: if the file cannot be created.
    """
    while True:
        try:
            return claim(path)
        except TakenError:
            time.sleep(_POLL_S)


def _claim_by_file(path: Path) -> Claim:
    me = {"host": socket.gethostname(), "pid": os.getpid(), "started": _start_of(os.getpid())}
    # Written before it gets its name, so that an empty file is never visible.
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
    """Give a file a second name that must not exist; with O_EXCL if hard links are unavailable."""
    try:
        os.link(own, path)
    except FileExistsError:
        raise
    except OSError:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(own.read_bytes())


def _read(path: Path) -> dict[str, object] | None:
    """Return the owner of a claim; None if the file does not contain it, or does not exist."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return holder if isinstance(holder, dict) else None


def _has_ended(holder: dict[str, object]) -> bool:
    """Return whether the owner was a process of this machine that has ended."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # a process of another user
    # Another process may have the same number now.
    return holder.get("started") != _start_of(pid)


def _start_of(pid: int) -> str:
    """Return when a process was started, in the kernel's units; "" = unknown."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return ""


def _remove_if_still(path: Path, holder: dict[str, object]) -> None:
    """Remove an old claim, unless another process has taken it over since."""
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

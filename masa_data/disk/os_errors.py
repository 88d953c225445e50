"""Messages for errors of the operating system, each with its own advice."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from masa_data.errors import DataError

_FREE_SPACE: Final = "Free space there or write to another place, then run it again"
_RIGHTS: Final = "Check the permissions of the file and its folder, or run it as another user"
# File names that are too long are shown in part.
_LONGEST_NAME: Final = 255
_NETWORK: Final = "Check the network and run it again"
_NO_LOCKS: Final = "Write to a local disk, or mount the file system with locks"

# Names, not numbers: names that a system does not have are left out below.
_ADVICE: Final = {
    "ENOSPC": _FREE_SPACE,
    "EDQUOT": f"Your quota is used up (see: quota -s). {_FREE_SPACE}",
    "EFBIG": "Write to a file system that supports larger files, or give {shard_clips}",
    "EACCES": _RIGHTS,
    "EPERM": _RIGHTS,
    "EROFS": "The file system is mounted read-only: write to another place",
    "ENOLCK": _NO_LOCKS,
    "EOPNOTSUPP": "The file system does not support this: use a local disk",
    "EINVAL": "The file system does not support this: use a local disk",
    "ENOSYS": "The file system does not support this: use a local disk",
    "EIO": "The disk or the connection to it is faulty: see the system's log (dmesg), and use another disk",
    "ESTALE": "The network file system lost the file: mount it again, then run it again",
    "EMFILE": "Too many files are open: raise the limit (ulimit -n 4096), or give fewer {workers}",
    "ENFILE": "Too many files are open on this machine: end other programs, or give fewer {workers}",
    "ENOMEM": "Free memory, or give fewer {workers}",
    "ENAMETOOLONG": "Use a shorter name",
    "ENOENT": "Check the path",
    "ENOTDIR": "A part of the path is a file, not a folder: check the path",
    "EISDIR": "This is a folder: give a file",
    "ENOTEMPTY": "Choose another folder, or empty this one",
    "EEXIST": "Choose another name, or remove the existing one",
    "ELOOP": "A symbolic link refers to itself: give the file itself",
    "EBUSY": "Another program uses it: end that program, then run it again",
    "ETXTBSY": "Another program uses it: end that program, then run it again",
    "ENXIO": "This is not a regular file: give one",
    "ENODEV": "This is not a regular file: give one",
    "ETIMEDOUT": _NETWORK,
    "ECONNREFUSED": _NETWORK,
    "ECONNRESET": _NETWORK,
    "EHOSTUNREACH": _NETWORK,
    "ENETUNREACH": _NETWORK,
    "EHOSTDOWN": _NETWORK,
}
_BY_NUMBER: Final = {getattr(errno, name): advice for name, advice in _ADVICE.items() if hasattr(errno, name)}
# An error without a number comes from a library that could not read the content of a file.
_DAMAGED: Final = "The file may be damaged: copy or create it again"


def in_words(error: OSError, path: str | Path | None = None) -> DataError:
    """Return what happened and what to do about it.

    Args:
        error: error of the operating system, or of a library that raises OSError for unreadable files.
        path: the file or folder, if the error does not contain it; "" if the surrounding message already
            names it.
    """
    if isinstance(error, TimeoutError) and error.errno is None:
        return DataError(str(error) or "there was no answer in time", _NETWORK)
    number = error.errno
    text = os.strerror(number) if number in _BY_NUMBER and number else error.strerror or str(error)
    found = path if path is not None else error.filename
    name = os.fsdecode(found) if isinstance(found, (str, bytes, os.PathLike)) else ""
    if len(name) > _LONGEST_NAME:
        name = name[:_LONGEST_NAME] + "…"
    reason = (text.strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if number is None:
        advice = _DAMAGED
    else:
        advice = _BY_NUMBER.get(number, "Check the system's log (dmesg), or try it on another disk")
    arguments = {argument: ... for argument in ("shard_clips", "workers") if f"{{{argument}}}" in advice}
    return DataError(f"{name}: {reason}" if name else reason, advice, **arguments)

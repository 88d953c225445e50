"""What an error of the operating system means for a user, in one place: each has advice of its own."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from masa_data.errors import DataError

_FREE_SPACE: Final = "Free space there or write elsewhere, then run it again"
_RIGHTS: Final = "Check the rights of the file and of its folder, or run it as another user"
# Names that are too long themselves are shown in part.
_LONGEST_NAME: Final = 255
_NETWORK: Final = "Check the network and run it again"
_NO_LOCKS: Final = "Write to a local disk, or mount the file system with locks"

# Names, not numbers: what one system lacks is left out below.
_ADVICE: Final = {
    "ENOSPC": _FREE_SPACE,
    "EDQUOT": f"Your quota is used up (see: quota -s). {_FREE_SPACE}",
    "EFBIG": "Write to a file system that takes larger files, or give {shard_clips}",
    "EACCES": _RIGHTS,
    "EPERM": _RIGHTS,
    "EROFS": "The file system is mounted read-only: write elsewhere",
    "ENOLCK": _NO_LOCKS,
    "EOPNOTSUPP": "The file system cannot do this: use a local disk",
    "EINVAL": "The file system cannot do this: use a local disk",
    "ENOSYS": "The file system cannot do this: use a local disk",
    "EIO": "The disk or the connection to it is faulty: see the system's log (dmesg), and use another disk",
    "ESTALE": "The network file system lost the file: mount it again, then run it again",
    "EMFILE": "Too many files are open: raise the limit (ulimit -n 4096), or give fewer {workers}",
    "ENFILE": "Too many files are open on this machine: end other programs, or give fewer {workers}",
    "ENOMEM": "Free memory, or give fewer {workers}",
    "ENAMETOOLONG": "Use a shorter name",
    "ENOENT": "Check the path",
    "ENOTDIR": "A part of the path is a file, not a folder: check the path",
    "EISDIR": "This is a folder: name a file",
    "ENOTEMPTY": "Name another folder, or empty this one",
    "EEXIST": "Name another one, or remove what is there",
    "ELOOP": "A symbolic link leads back to itself: name the file itself",
    "EBUSY": "Another program uses it: end that, then run it again",
    "ETXTBSY": "Another program uses it: end that, then run it again",
    "ENXIO": "This is no ordinary file: name one",
    "ENODEV": "This is no ordinary file: name one",
    "ETIMEDOUT": _NETWORK,
    "ECONNREFUSED": _NETWORK,
    "ECONNRESET": _NETWORK,
    "EHOSTUNREACH": _NETWORK,
    "ENETUNREACH": _NETWORK,
    "EHOSTDOWN": _NETWORK,
}
_BY_NUMBER: Final = {getattr(errno, name): advice for name, advice in _ADVICE.items() if hasattr(errno, name)}
# Without a number it was a library that could not make sense of what it read.
_DAMAGED: Final = "The file may be damaged: copy it again, or make it again"


def in_words(error: OSError, path: str | Path | None = None) -> DataError:
    """What happened and what to do about it.

    Args:
        error: of the operating system, or of a library that raises OSError for files it cannot read.
        path: which file or folder it is about, where the error does not say; "" where the line that it goes
            into names it already.
    """
    if isinstance(error, TimeoutError) and error.errno is None:
        return DataError(str(error) or "nothing came in time", _NETWORK)
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
        advice = _BY_NUMBER.get(number, "See the system's log (dmesg), or try it on another disk")
    arguments = {argument: ... for argument in ("shard_clips", "workers") if f"{{{argument}}}" in advice}
    return DataError(f"{name}: {reason}" if name else reason, advice, **arguments)

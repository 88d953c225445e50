"""SHA-256 of files, read block by block."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK: Final = 1 << 20


def add_file(digest: _Hash, path: Path) -> None:
    """Add a file's bytes to a hash.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        OSError: if it cannot be read.
    """
    digest = hashlib.sha256()
    add_file(digest, path)
    return digest.hexdigest()

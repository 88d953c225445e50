"""Errors that Python's and NumPy's readers raise on a damaged or malicious npz file."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from typing import Final

DAMAGED_NPZ: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    RuntimeError,  # nested too deeply, encrypted, or with a compression that zipfile does not support
    SyntaxError,  # this and the next two are raised for an array's header, which has Python's syntax
    tokenize.TokenError,
    MemoryError,
)

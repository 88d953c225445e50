"""What Python's and NumPy's own readers raise on an npz file that is damaged, or made to do harm."""

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
    RuntimeError,  # nested too deeply, encrypted, or packed in a way that zipfile does not know
    SyntaxError,  # this and the next two come of the header of an array, which is written in Python's syntax
    tokenize.TokenError,
    MemoryError,
)

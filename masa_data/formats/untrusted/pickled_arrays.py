"""Reconstruction of numpy arrays in pickles, without numpy's own functions for unpickling.

Types and shapes in a pickle are checked against its size before they are passed to numpy.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError

T = TypeVar("T")

ADVICE: Final = "Do not load this file with other tools; ask for it as npz, or as a pickle of plain arrays"

# numpy 1 and numpy 2 use different names for the same functions.
_RECONSTRUCT: Final = {f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")}
_SCALAR: Final = {f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")}
_FROM_BUFFER: Final = {f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")}
_PATHLIB: Final = ("pathlib", "pathlib._local")  # the latter since Python 3.13
_NO_BYTES: Final = {"builtins.bytes", "__builtin__.bytes"}  # old protocols write b"" in this way
_PLAIN: Final = {
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("int", "float", "str")
}
_SETS: Final = {f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "frozenset")}
_CONTAINERS: Final = {
    f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("list", "tuple", "dict")
}
_DICTS: Final = {"collections.OrderedDict", "collections.defaultdict"}
_POSIX_PATHS: Final = {f"{module}.{name}" for module in _PATHLIB for name in ("PosixPath", "PurePosixPath")}
_WINDOWS_PATHS: Final = {
    f"{module}.{name}" for module in _PATHLIB for name in ("WindowsPath", "PureWindowsPath")
}
# Default factories that a defaultdict may name; they are never called here.
_DEFAULTS: Final = _PLAIN | _SETS | _CONTAINERS | _DICTS
NAMES: Final = (
    _NO_BYTES
    | _RECONSTRUCT
    | _SCALAR
    | _FROM_BUFFER
    | {"numpy.ndarray", "numpy.dtype", "_codecs.encode"}
    | _DEFAULTS
    | _POSIX_PATHS
    | _WINDOWS_PATHS
)

_NUMBERS: Final = re.compile(r"[<>|=]?(?:[biuf][1248]|U[1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the pickle; it is never imported."""

    text: str


@dataclass(slots=True)
class Dtype:
    """A type of numbers: kind, number of bytes and byte order."""

    text: str


@dataclass(slots=True)
class Array:
    """An array whose content follows later in the pickle."""

    content: NDArray[Any] | None = None


def expect(value: object, kind: type[T]) -> T:
    """Return the value if it is exactly of this type; else raise a TypeError that says what is wrong."""
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__.lstrip('_')} instead of a {kind.__name__}")
    return value


def bytes_in(value: object) -> int:
    """Return the memory in bytes that a value created here takes."""
    if isinstance(value, str):
        return 4 * len(value)
    if isinstance(value, Array):
        return 0 if value.content is None else value.content.nbytes
    return len(value) if isinstance(value, bytes) else 0


def understood(name: object, arguments: object) -> object:
    """Return the result of a call, for the few calls with which numpy arrays and plain types are pickled.

    A set becomes a list: hashing untrusted values can take very long, and no set is needed here.
    """
    call = expect(name, Name).text
    given = expect(arguments, tuple)
    if call in _RECONSTRUCT:
        if given[0] != Name("numpy.ndarray"):
            raise TypeError("an array of an unknown class")
        return Array()
    if call == "numpy.dtype":
        return _dtype(given[0])
    if call in _FROM_BUFFER:
        content, dtype, shape, order = given
        return Array(_numbers(content, dtype, shape, order == "F"))
    if call in _SCALAR:
        dtype, content = given
        return _numbers(content, dtype, (), False).item()
    if call in _DICTS:
        if given and (len(given) > 1 or given[0] not in (None, *map(Name, _DEFAULTS))):
            raise TypeError(f"{call} of values other than text keys and values")
        return {}
    if call in _SETS:
        (items,) = given
        return expect(items, list)
    if call in _POSIX_PATHS | _WINDOWS_PATHS:
        path = PurePosixPath if call in _POSIX_PATHS else PureWindowsPath
        return str(path(*(expect(part, str) for part in given)))
    if call in _NO_BYTES and given == ():
        return b""
    if call == "_codecs.encode":
        text, encoding = given
        if encoding not in ("latin1", "latin-1"):
            raise TypeError("bytes in an unknown encoding")
        return expect(text, str).encode("latin-1")
    raise TypeError(f"a call of {call}")


def _dtype(text: object) -> Dtype:
    shown = text.decode("latin-1") if isinstance(text, bytes) else text
    if not isinstance(shown, str) or not _NUMBERS.fullmatch(shown):
        objects = isinstance(shown, str) and shown.lstrip("<>|=").startswith("O")
        what = "Python objects" if objects else f"type {ascii(shown)[:40]}"
        raise DataError(f"found an array of {what} in the pickle, expected one of numbers", ADVICE)
    return Dtype(shown)


def complete(target: object, state: object) -> None:
    """Set the second half of a dtype (its byte order) or of an array (its numbers)."""
    parts = expect(state, tuple)
    if isinstance(target, Dtype):
        order, *rest = parts[1:5]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in rest):
            raise TypeError("a type of numbers with parts")
        target.text = order + target.text.lstrip("<>|=")
    elif isinstance(target, Array) and target.content is None:
        _, shape, dtype, is_fortran, content = parts
        target.content = _numbers(content, dtype, shape, bool(is_fortran))
    else:
        raise TypeError(f"a state for a {type(target).__name__.lstrip('_')}")


def _numbers(content: object, dtype: object, shape: object, is_fortran: bool) -> NDArray[Any]:
    """Return an array over bytes of the pickle; its shape is checked before memory is allocated."""
    if isinstance(content, str):  # bytes of Python 2
        content = content.encode("latin-1")
    if not isinstance(content, (bytes, bytearray)):
        raise TypeError("no bytes as the content of an array")
    kind = np.dtype(expect(dtype, Dtype).text)
    sides = [expect(side, int) for side in expect(shape, tuple)]
    if min(sides, default=0) < 0 or len(sides) > 8 or math.prod(sides) * kind.itemsize != len(content):
        shown = ascii(tuple(sides))[:60]
        raise DataError(
            f"found an array of shape {shown} over {len(content):,} bytes, expected a size that "
            "fits the shape",
            "Download the file again",
        )
    array = np.frombuffer(bytes(content), kind)
    return array.reshape(sides, order="F" if is_fortran else "C")

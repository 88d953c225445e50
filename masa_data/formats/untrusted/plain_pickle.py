"""Reads a pickle without unpickling it: only arrays of numbers and plain types are possible.

A pickle is a program, and Python's own unpickler imports and calls what it names. This reader executes the
same instructions one by one, but it cannot import or call anything: a name remains a name, and only the few
names with which numpy writes its arrays have a meaning. Everything else is refused, and the error shows the
name.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from masa_data.errors import DataError
from masa_data.formats.untrusted.limits import regular_size
from masa_data.formats.untrusted.pickled_arrays import (
    ADVICE,
    NAMES,
    Array,
    Name,
    bytes_in,
    complete,
    expect,
    understood,
)

_MAX_BYTES: Final = 512 << 20
# An annotation of pyskl takes fifty, an image's name three. One byte may request a dict of 64.
_MAX_INSTRUCTIONS: Final = 4_000_000

_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: Final = {"EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
_VALUES: Final = frozenset(
    {
        "INT",
        "LONG",
        "LONG1",
        "LONG4",
        "BININT",
        "BININT1",
        "BININT2",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    }
)


class _Mark:
    """The beginning of a list of arguments on the stack."""


_MARK: Final = _Mark()


def read_plain_pickle(path: Path) -> object:
    """Read a pickle of numbers, texts, paths, lists, tuples, sets, dicts and numpy's plain arrays.

    Returns:
        the value; arrays are read-only. Dicts have text keys only, sets are lists, and paths are texts.

    Raises:
        DataError: if it contains anything else, or is damaged. Nothing in it is called.
        OSError: if it cannot be read.
    """
    size = regular_size(path)
    if size > _MAX_BYTES:
        raise DataError(
            f"found {size:,} bytes, expected at most {_MAX_BYTES:,}: one clip", "Cut it into clips"
        )
    try:
        return _finished(_Machine().run(path.read_bytes()))
    except DataError:
        raise
    except RecursionError:
        raise DataError("found a pickle nested too deeply, expected arrays and lists", ADVICE) from None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        why = ascii(str(error))[1:81] or type(error).__name__
        raise DataError(f"found an incomplete or damaged pickle ({why})", "Download the file again") from None


class _Machine:
    """Executes the instructions of a pickle on a stack."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._made = 0  # bytes of arrays and converted texts

    def run(self, data: bytes) -> object:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            if opcode.name == "STOP":
                return self._stack.pop()
            if count >= _MAX_INSTRUCTIONS:
                raise DataError(
                    f"found more than {_MAX_INSTRUCTIONS:,} values in the pickle, expected arrays",
                    ADVICE,
                )
            self._step(opcode.name, argument)
            if self._made > 4 * len(data):  # a few bytes that request the same large value repeatedly
                raise ValueError("its arrays are larger than the file")
        raise ValueError("it ends early")

    def _step(self, name: str, argument: object) -> None:
        stack = self._stack
        if name in ("PROTO", "FRAME"):
            return
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[expect(argument, int)] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[expect(argument, int)])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._mention(name, argument)
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(understood(stack.pop(), arguments))
            self._made += bytes_in(stack[-1])
        elif name == "BUILD":
            state = stack.pop()
            complete(stack[-1], state)
            self._made += bytes_in(stack[-1])
        else:
            self._collect(name)

    def _collect(self, name: str) -> None:
        """Execute instructions that make containers."""
        stack = self._stack
        if name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            if len(stack) < count:
                raise IndexError("nothing to make a tuple of")
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in ("LIST", "FROZENSET"):
            stack.append(self._since_mark())
        elif name == "DICT":
            stack.append(dict(_pairs(self._since_mark())))
        elif name in ("APPEND", "APPENDS", "ADDITEMS"):
            items = [stack.pop()] if name == "APPEND" else self._since_mark()
            expect(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(), stack.pop()][::-1] if name == "SETITEM" else self._since_mark()
            expect(stack[-1], dict).update(_pairs(items))
        else:
            raise DataError(
                f"found the instruction {name} in the pickle, expected numpy arrays and plain types only",
                ADVICE,
            )

    def _mention(self, opcode: str, argument: object) -> None:
        if opcode == "GLOBAL":
            module, _, name = expect(argument, str).partition(" ")
        else:
            name, module = self._stack.pop(), self._stack.pop()
        text = f"{expect(module, str)}.{expect(name, str)}"
        if text not in NAMES:
            raise DataError(
                f"found {text[:80]!a} in the pickle, expected numpy arrays and plain types only",
                ADVICE,
            )
        self._stack.append(Name(text))

    def _since_mark(self) -> list[Any]:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError("a mark is missing")
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items


def _pairs(items: list[Any]) -> Iterator[tuple[str, Any]]:
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not str:
            raise DataError(
                f"found a dict in the pickle whose keys are of type {type(key).__name__}, expected texts",
                ADVICE,
            )
        yield key, value


def _finished(value: object) -> object:
    """Return the value with all arrays completed, at any depth.

    A value that the pickle uses twice is completed once, so that a few bytes with repeated nesting do not
    create a large value.
    """
    done: dict[int, object] = {}

    def finish(item: object) -> object:
        if id(item) in done:
            return done[id(item)]
        if isinstance(item, Array):
            return item.content
        if isinstance(item, dict):
            by_name: dict[str, object] = {}
            done[id(item)] = by_name  # set before its parts, which may refer back to it
            by_name.update((key, finish(part)) for key, part in item.items())
            return by_name
        if isinstance(item, list):
            parts: list[object] = []
            done[id(item)] = parts
            parts.extend(map(finish, item))
            return parts
        if isinstance(item, tuple):
            done[id(item)] = tuple(map(finish, item))
            return done[id(item)]
        return item

    return finish(value)

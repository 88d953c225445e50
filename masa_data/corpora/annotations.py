"""Reading of annotation files, which may be damaged or hostile; errors name file, row and fault."""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from masa_data.corpora.clip import SPLIT_NAMES
from masa_data.errors import DataError

_GET_AGAIN: Final = "Correct the row, or download the list again"

# Lists of corpora have about 1 % of this. In memory, a list takes 64 bytes and a number 32; in a file, two.
_MAX_LISTS: Final = 2_000_000
_MAX_VALUES: Final = 8_000_000

# Larger than any frame number, label or time of a corpus.
_HUGE: Final = 10**9


def find_file(root: Path, annotations: Path | None, names: Iterable[str]) -> Path | None:
    """Return the first of these files in the folder of annotations, or else in root or a folder in it.

    Args:
        root: folder of the corpus.
        annotations: a file, which is used whatever its name, or a folder; None = search root.
        names: file names, in order of preference.

    Returns:
        the file; None if there is none.

    Raises:
        DataError: if a folder does not exist.
    """
    if annotations is not None and annotations.is_file():
        return annotations
    folders = list_folders(root, annotations)
    candidates = (folder / name for name in names for folder in folders)
    return next((path for path in candidates if path.is_file()), None)


def list_folders(root: Path, annotations: Path | None) -> list[Path]:
    """Return the folders to search for lists: the given one, or root and the folders in it, sorted.

    Raises:
        DataError: if the folder does not exist.
    """
    folder = root if annotations is None else annotations
    if folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        raise DataError(f"found no folder {folder}", "Check the path")
    if annotations is not None:
        return [folder]
    with os.scandir(folder) as entries:
        return [folder, *sorted(Path(entry.path) for entry in entries if entry.is_dir())]


def none_found(root: Path, annotations: Path | None, names: Iterable[str]) -> DataError:
    """Return the error for missing lists."""
    place = f"{root} and the folders in it" if annotations is None else str(annotations)
    return DataError(
        f"found no list in {place}, expected {', '.join(names)}",
        "Put the corpus's lists there, or give their folder with {annotations}",
        annotations=...,
    )


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, or in UTF-16 with a byte order mark, and remove that mark.

    Raises:
        DataError: if the file has another encoding.
        OSError: if it cannot be read.
    """
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: found bytes that are not {encoding[:6].upper().rstrip('-')}",
            "Save it in UTF-8, or download it again",
        ) from None


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number, from 1, and the text of each line that is not empty.

    Raises:
        DataError: if it is not UTF-8.
        OSError: if it cannot be read.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if stripped := line.strip():
            yield number, stripped


def read_json(path: Path) -> object:
    """Return the content of a JSON file.

    Raises:
        DataError: if it is not valid JSON, for example because it is incomplete.
        OSError: if it cannot be read.
    """
    text = read_text(path)
    if text.count("[") + text.count("{") > _MAX_LISTS or text.count(",") > _MAX_VALUES:
        raise DataError(
            f"{path}: found more than {_MAX_LISTS:,} lists or {_MAX_VALUES:,} values, expected fewer",
            "Cut it into several files",
        )
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_name_once)
    except json.JSONDecodeError as error:
        what = "the end of the file" if error.pos >= len(text.rstrip()) else f"no JSON ({error.msg})"
        raise DataError(
            f"{path}, line {error.lineno}: found {what} in column {error.colno}, expected complete JSON",
            "Download the list again",
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: found no readable JSON ({str(error)[:80]}), expected a list of clips",
            "Download the list again",
        ) from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the values by name; json itself would silently keep only the last value of a repeated name."""
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {twice!a} twice")
    return values


@dataclass(frozen=True, slots=True)
class Fields:
    """The named values of one row; each value is checked when it is read.

    Args:
        where: file and row, for errors.
        values: values of the row.

    Raises:
        DataError: if the row is not a JSON object; in every method, if the value is missing or wrong.
    """

    where: str
    values: Mapping[str, object]

    @classmethod
    def of(cls, where: str, row: object) -> Fields:
        """Return the fields of a JSON row."""
        if not isinstance(row, dict):
            raise DataError(f"{where}: found {_shown(row)}, expected named values in braces", _GET_AGAIN)
        return cls(where, row)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that can be encoded in UTF-8; `default` if the key is missing and it is not None."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._wrong(key, "a text in Unicode") from None
        return value

    def name(self, key: str) -> str:
        """Return the plain name of a file or folder; it cannot lead to another folder."""
        value = self.text(key)
        if not is_plain_name(value):
            raise self._wrong(key, "a plain name without / and ..")
        return value

    def whole(self, key: str, low: int, high: int = _HUGE) -> int:
        """Return an integer of at least `low` and below `high`."""
        value = self.values.get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value // 1:
            raise self._wrong(key, "an integer")
        number = int(value)
        if not low <= number < high:
            raise self._wrong(key, f"{low} or more" if high == _HUGE else f"{low} to {high - 1}")
        return number

    def number(self, key: str, low: float, high: float = _HUGE) -> float:
        """Return a finite number from `low` to `high`."""
        return self._checked(key, self.values.get(key), low, high)

    def numbers(self, key: str, count: int, low: float, high: float = _HUGE) -> list[float]:
        """Return a list of `count` finite numbers from `low` to `high`."""
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) != count:
            raise self._wrong(key, f"{count} numbers")
        return [self._checked(key, item, low, high) for item in value]

    def split(self, key: str) -> str:
        """Return the split; common synonyms of train, val and test are accepted."""
        value = self.values.get(key)
        split = SPLIT_NAMES.get(value.lower()) if isinstance(value, str) else None
        if split is None:
            raise self._wrong(key, "train, val or test")
        return split

    def error(self, found: str, expected: str) -> DataError:
        """Return an error about this row."""
        return DataError(f"{self.where}: found {found}, expected {expected}", _GET_AGAIN)

    def _checked(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        bounds = f"from {low:g}" + ("" if high == _HUGE else f" to {high:g}")
        is_item = isinstance(self.values.get(key), list)
        raise self._wrong(key, f"numbers {bounds}" if is_item else f"a number {bounds}")

    def _wrong(self, key: str, expected: str) -> DataError:
        if key not in self.values:
            return self.error(f"no `{key}`", expected)
        return self.error(f"{_shown(self.values[key])} as `{key}`", expected)


def label_in(text: str, classes: int) -> int | None:
    """Return the label that a text contains, from 0 and below the number of classes; None if it has none."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if is_number and int(text) < classes else None


def is_plain_name(value: str) -> bool:
    """Return whether a text names a file or folder in the current folder, without a path."""
    return value not in ("", ".", "..") and not any(sign in value for sign in "/\\\0")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."

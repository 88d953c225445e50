"""Fetching files with known checksums into a folder. An interrupted download continues."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from masa_data.corpora.annotations import Fields, is_plain_name
from masa_data.corpora.origins import RemoteFile
from masa_data.errors import DataError
from masa_data.machine.extras import INSTALL_FETCH, load_optional

ZENODO: Final = "https://zenodo.org"

_BLOCK: Final = 1 << 16  # at most so much is lost if the connection breaks
_SECONDS: Final = 60  # without a byte from the server
_NOT_SATISFIABLE: Final = 416
_MAX_RECORD: Final = 8 << 20
_MD5: Final = re.compile(r"md5:[0-9a-f]{32}")
_AGAIN: Final = "Run the same command again: it continues where it was"


def fetch_files(
    files: Iterable[RemoteFile], folder: Path, fetched: Callable[[Path], None] = lambda _path: None
) -> list[Path]:
    """Fetch files that are not in the folder yet, and check the content of all of them.

    Args:
        files: addresses, checksums and names.
        folder: where the files are put; it is created.
        fetched: called for each file when it is complete.

    Returns:
        the paths of the files, in the same order.

    Raises:
        NotInstalledError: if pooch is not installed.
        DataError: if a file cannot be fetched, its content is not the expected one, or the folder has another
            file of its name.
        OSError: if the folder cannot be written.

    Example:
        >>> fetch_files(ORIGINS["lsa64"].lists, Path("LSA64"))
        [PosixPath('LSA64/lsa64_signs.md')]
    """
    pooch = load_optional("pooch", "which fetches files", INSTALL_FETCH)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for file in files:
        path = folder / file.name
        if path.exists():
            if not pooch.hashes.hash_matches(str(path), file.checksum, strict=False):
                raise DataError(
                    f"found {path} with another content than {file.url}", "Move it away, or keep your file"
                )
        else:
            _fetch(pooch, file, folder)
        fetched(path)
        paths.append(path)
    return paths


def zenodo_files(record: int, base: str = ZENODO) -> list[RemoteFile]:
    """Return the files of a Zenodo record with the checksums that Zenodo states.

    Args:
        record: number of the record.
        base: address of Zenodo.

    Raises:
        NotInstalledError: if pooch, which brings the HTTP library, is not installed.
        DataError: if the record cannot be read.
    """
    load_optional("pooch", "which fetches files", INSTALL_FETCH)
    url = f"{base}/api/records/{record}"
    with _in_one_line(url), _requests().get(url, timeout=_SECONDS, stream=True) as answer:
        answer.raise_for_status()
        text = b"".join(_limited(answer.iter_content(_BLOCK), _MAX_RECORD, url))
    try:
        content = Fields.of(url, json.loads(text))
    except (ValueError, RecursionError):
        raise DataError(f"{url}: found no JSON, expected the record's files", "Try again later") from None
    rows = content.values.get("files")
    if not isinstance(rows, list) or not rows:
        raise content.error("no list of `files`", "the record's files")
    return [
        _zenodo_file(Fields.of(f"{url}, file {which}", row), record, base) for which, row in enumerate(rows)
    ]


def _zenodo_file(fields: Fields, record: int, base: str) -> RemoteFile:
    name, checksum = fields.text("key"), fields.text("checksum")
    if not is_plain_name(name) or name.startswith(".") or not _MD5.fullmatch(checksum):
        raise fields.error(f"{name[:40]!a} with the checksum {checksum[:40]!a}", "a plain name and an MD5")
    return RemoteFile(f"{base}/records/{record}/files/{quote(name)}?download=1", checksum, name)


def _fetch(pooch: Any, file: RemoteFile, folder: Path) -> None:  # noqa: ANN401  # a module
    logger: logging.Logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # pooch would print a line and a hash for each file
    try:
        with _in_one_line(file.url):
            pooch.retrieve(
                file.url, file.checksum, fname=file.name, path=folder, downloader=_resuming(folder, file.name)
            )
    except ValueError as error:  # pooch has removed the file
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file.url}: found another content than expected (checksum)",
            "Run the same command again; if it stays, the file was changed by its owner",
        ) from None
    finally:
        logger.setLevel(level)


def _resuming(folder: Path, name: str) -> Callable[[str, str, object], None]:
    """Return a downloader for pooch that keeps what it has in `NAME.part` and continues there."""
    part = folder / f"{name}.part"

    def download(url: str, output: str, _pooch: object) -> None:
        have = part.stat().st_size if part.exists() else 0
        # Without compression, since a part of a compressed answer cannot be continued.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with _requests().get(url, headers=headers, timeout=_SECONDS, stream=True) as answer:
            if answer.status_code == _NOT_SATISFIABLE and have:  # nothing is left to fetch
                part.replace(output)
                return
            answer.raise_for_status()
            continues = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            with part.open("ab" if have and continues else "wb") as file:
                for block in answer.iter_content(_BLOCK):
                    file.write(block)
        part.replace(output)

    return download


def _requests() -> Any:  # noqa: ANN401  # a module, which comes with pooch
    return load_optional("requests", "which fetches files", INSTALL_FETCH)


@contextmanager
def _in_one_line(url: str) -> Iterator[None]:
    """Turn errors of the connection into one line; those of the disk are OSErrors of their own."""
    try:
        yield
    except _requests().RequestException as error:
        answer = getattr(error, "response", None)
        found = f"the answer {answer.status_code}" if answer is not None else type(error).__name__
        raise DataError(f"{url}: found {found}, expected the file", _AGAIN) from None


def _limited(blocks: Iterable[bytes], limit: int, url: str) -> Iterator[bytes]:
    total = 0
    for block in blocks:
        total += len(block)
        if total > limit:
            raise DataError(f"{url}: found more than {limit:,} bytes, expected fewer", "Try again later")
        yield block

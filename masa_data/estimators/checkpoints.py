"""Checkpoint files: published ones are downloaded once into a cache and verified; no code in them is run."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from masa_data.disk.claims import claim_in_turn
from masa_data.errors import DataError

_TIMEOUT_S: Final = 30.0
_BLOCK: Final = 1 << 20

# name-<first 8 digits of the file's SHA-256>_<date>.pth or name-<digits>.pth. Some published files have only
# a date there, which also consists of hexadecimal digits.
_PUBLISHED_HASH: Final = re.compile(r"-([0-9a-f]{8})(?:_\d{8})?\.pth$")
_DATE: Final = re.compile(r"20\d{2}[01]\d[0-3]\d")


def cache_folder() -> Path:
    """Return the folder of downloaded checkpoints: in $XDG_CACHE_HOME, by default ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "masa" / "checkpoints"


def is_address(checkpoint: str) -> bool:
    """Return whether a checkpoint is given by its address, not as a file."""
    return checkpoint.startswith(("https://", "http://"))


def published_hash(name: str) -> str | None:
    """Return the first eight hexadecimal digits of the SHA-256 in a published file's name; None if none."""
    found = _PUBLISHED_HASH.search(name)
    return None if found is None or _DATE.fullmatch(found[1]) else found[1]


def cached_path(address: str, argument: str = "checkpoint") -> Path:
    """Return the path of the downloaded file of an address; `argument` is the argument's name, for messages.

    Raises:
        DataError: if the address contains no file name.
    """
    parts = urlsplit(address)
    path = PurePosixPath(unquote(parts.path))
    if not parts.hostname or not path.name or ".." in path.parts:
        raise _no_file(f"{address} is not the address of a file", argument)
    return cache_folder().joinpath(parts.hostname, *path.parts[1:])


def find_checkpoint(checkpoint: str, console: Console | None = None, argument: str = "checkpoint") -> Path:
    """Return the file of a checkpoint; an address that is not in the cache is downloaded first.

    Args:
        checkpoint: a file, or an http(s) address.
        console: console for the progress of a download; None = no progress is shown.
        argument: name of the argument with the checkpoint, for messages.

    Returns:
        the path of the file.

    Raises:
        DataError: if there is no such file, it cannot be downloaded, or it does not match the hash in its
            name.
    """
    if not is_address(checkpoint):
        path = Path(checkpoint).expanduser()
        if not path.is_file():
            raise _no_file(f"there is no checkpoint {checkpoint}", argument)
        return path
    path = cached_path(checkpoint, argument)
    path.parent.mkdir(parents=True, exist_ok=True)
    with claim_in_turn(Path(f"{path}.lock")):  # several workers, or several runs, may need it at once
        if not path.exists():
            _download(checkpoint, path, console, argument)
    return path


def _download(address: str, path: Path, console: Console | None, argument: str) -> None:
    """Download a file under a temporary name, verify it, and then rename it."""
    part = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    expected, received = None, 0
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response, part.open("wb") as file:
            length = response.headers.get("Content-Length")
            expected = int(length) if length else None
            with _bar(path.name, expected, console) as bar:
                while block := response.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    received += len(block)
                    bar.advance(bar.task_ids[0], len(block))
    except urllib.error.HTTPError as error:
        part.unlink(missing_ok=True)
        raise _elsewhere(f"{address} answers {error.code} {error.reason}", path, argument) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        part.unlink(missing_ok=True)
        reason = getattr(error, "reason", error)
        raise _elsewhere(f"{address} cannot be reached ({reason})", path, argument) from None
    except OSError:
        part.unlink(missing_ok=True)  # frees space if the disk is full
        raise
    wanted = published_hash(path.name)
    if expected is not None and received != expected:
        part.unlink()
        raise DataError(f"received only {received:,} of {expected:,} bytes of {address}", "Run it again")
    if wanted is not None and not digest.hexdigest().startswith(wanted):
        part.unlink()
        raise DataError(
            f"the file from {address} has SHA-256 {digest.hexdigest()[:8]}…, but its name contains {wanted}…",
            f"Run it again; if that does not help, give another copy with {{{argument}}}",
            **{argument: "FILE"},
        )
    part.replace(path)


def _no_file(reason: str, argument: str) -> DataError:
    return DataError(reason, f"Give {{{argument}}} a file or an address", **{argument: ...})


def _elsewhere(reason: str, path: Path, argument: str) -> DataError:
    without, value, need = (
        ("estimator", "mediapipe", "a network") if argument == "checkpoint" else ("person", "follow", "it")
    )
    return DataError(
        reason,
        f"Download it on a machine with a network and give it with {{{argument}}} (or put it at {path}); "
        f"meanwhile {{{without}}} works without {need}",
        **{argument: "FILE", without: value},
    )


@contextmanager
def _bar(name: str, total: int | None, console: Console | None) -> Iterator[Progress]:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
    )
    with bar:
        bar.add_task(name, total=total)
        yield bar

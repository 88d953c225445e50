"""A CSV of the clips that cannot be used, with their addresses for downloading."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from masa_data.corpora.check import Checked
from masa_data.disk.new_files import new_file

COLUMNS: Final = ("id", "state", "url", "path", "split", "label", "gloss", "signer", "listed at", "reason")


@contextmanager
def missing_csv(path: Path) -> Iterator[Callable[[Checked], None]]:
    """Open the CSV and yield a function that writes a clip to it if the clip cannot be used.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def add(checked: Checked) -> None:
            row, clip = checked.row, checked.row.clip
            if checked.state != "found":
                writer.writerow(
                    (
                        clip.id,
                        checked.state,
                        row.url,
                        clip.path,
                        clip.split,
                        clip.label,
                        clip.gloss,
                        clip.signer,
                        row.where,
                        checked.reason,
                    )
                )

        yield add

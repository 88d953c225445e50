"""Finding the lists of a corpus that has one list for each split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from masa_data.corpora.annotations import find_file, none_found
from masa_data.corpora.listing import CorpusListing
from masa_data.errors import DataError


def find_split_lists(
    root: Path, annotations: Path | None, names: Mapping[str, str], listing: CorpusListing
) -> dict[str, Path]:
    """Return the list of each split, in the order of `names`; a warning is added for a list that is missing.

    Args:
        root: folder of the corpus.
        annotations: one of the lists, which is then used alone, or their folder; None = search root and the
            folders in it.
        names: file name of each split's list.
        listing: receives the warnings.

    Raises:
        DataError: if no list is found, or the given file has none of the names.

    Example:
        >>> find_split_lists(Path("AUTSL"), None, {"train": "train_labels.csv"}, CorpusListing("autsl"))
        {'train': PosixPath('AUTSL/train_labels.csv')}
    """
    if annotations is not None and annotations.is_file():
        split = next((split for split, name in names.items() if name == annotations.name), None)
        if split is None:
            raise DataError(
                f"found the list {annotations}, expected {', '.join(names.values())}", "Give their folder"
            )
        return {split: annotations}
    found = {split: find_file(root, annotations, (name,)) for split, name in names.items()}
    lists = {split: path for split, path in found.items() if path is not None}
    if not lists:
        raise none_found(root, annotations, names.values())
    for split in (split for split in found if split not in lists):
        listing.warn(
            str(annotations or root),
            f"found no {names[split]}: no clip of {split} is listed",
            "If this is not intended, put the list next to the others",
        )
    return lists

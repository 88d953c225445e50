"""NMFs-CSL: 1067 classes of CSL as folders of frames, `jpg_video/{label}/{clip}/image_00001.jpg`.

A list has one path per row, in the train list also the label; the label is always the clip's folder as well.
Video files instead of folders of frames are accepted. A clip's id is `{label}/{clip}`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from masa_data.classes.subsets import NMFS_CSL_CLASSES, SUBSETS
from masa_data.corpora.annotations import label_in, none_found, read_lines
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.listing import CorpusListing, Row
from masa_data.corpora.masa_lists import NAMES, ListedName, find_masa_lists, read_masa_lists
from masa_data.corpora.sources import Source, SourceIndex, walk_sources
from masa_data.errors import DataError

CORPUS: Final = "nmfs-csl"
_FRAMES: Final = "jpg_video"


def list_nmfs_csl(root: Path, annotations: Path | None = None, variants: Path | None = None) -> CorpusListing:
    """List the clips of NMFs-CSL, train before test.

    Args:
        root: folder of the frames; they may be in any folder below it.
        annotations: a list, or the folder of the lists.
        variants: file that says which labels are confusing and which are normal, see `read_variants`.

    Raises:
        DataError: if no list is found or one cannot be used.
        OSError: if a file or folder cannot be read.
    """
    lists = find_masa_lists(root, annotations)
    if not lists:
        raise none_found(root, annotations, (NAMES[0], NAMES[2], "train.txt", "test.txt"))
    listing = CorpusListing(CORPUS, subsets=read_variants(variants) if variants else SUBSETS[CORPUS])
    index = SourceIndex(walk_sources(root, lambda folder: folder.parent.isdecimal(), listing.ignored), _key)
    for name in read_masa_lists(lists.items(), NMFS_CSL_CLASSES, listing.problems):
        if name.folder.isdecimal() and label_in(name.folder, NMFS_CSL_CLASSES) != name.label:
            reason = (
                f"{name.where}: found label {name.label} and folder {name.folder[:60]}, expected the same"
            )
            listing.problems.append(Problem.of(DataError(reason, "Correct the row"), name.where))
        else:
            listing.add(_row(root, name, index))
    listing.warn_of_left_over(root, index)
    return listing


def read_variants(path: Path) -> Mapping[str, Collection[int]]:
    """Read the confusing and the normal labels from a file with rows `label confusing` or `label normal`.

    A label that is not in the file keeps its default variant.

    Raises:
        DataError: if a row is wrong.
        OSError: if the file cannot be read.
    """
    labels = {name: set(usual) for name, usual in SUBSETS[CORPUS].items()}
    for number, line in read_lines(path):
        text, _, variant = line.replace(",", " ").replace("\t", " ").partition(" ")
        variant = variant.strip().lower()
        label = label_in(text, NMFS_CSL_CLASSES)
        if label is None or variant not in labels:
            raise DataError(
                f"{path}, row {number}: found {line[:60]!r}, expected a label from 0 to "
                f"{NMFS_CSL_CLASSES - 1} and then {' or '.join(labels)}",
                "Correct the row",
            )
        for name, members in labels.items():
            (members.add if name == variant else members.discard)(label)
    return labels


def _key(source: Source) -> tuple[int, str] | None:
    """Return the label and the name of the clip for a file or folder in a label's folder; None if none."""
    return (int(source.parent), source.stem) if source.parent.isdecimal() else None


def _row(root: Path, name: ListedName, index: SourceIndex[tuple[int, str]]) -> Row:
    source = index.find((name.label, name.stem))
    path = source.path if source else root / _FRAMES / (name.folder or str(name.label)) / name.stem
    clip = Clip(f"{name.label}/{name.stem}", path, str(path), CORPUS, label=name.label, split=name.split)
    return Row(clip, source is not None, name.where)

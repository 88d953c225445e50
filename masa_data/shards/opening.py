"""Opens files of pose tracks: one as it is, or several, or a selection of their clips."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import overload

from masa_data.errors import NoClipsError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards


@overload
def open(path: str | Path) -> PoseShards: ...  # type: ignore[overload-overlap]  # noqa: A001
@overload
def open(  # noqa: A001
    path: str | Path | Iterable[str | Path],
    splits: Collection[str] | None = None,
    *,
    subset: str | None = None,
    corpora: Collection[str] | None = None,
    signers: Collection[str] | None = None,
    any_estimator: bool = False,
) -> PoseDataset: ...
def open(  # noqa: A001  # it is masa_data.open
    path: str | Path | Iterable[str | Path],
    splits: Collection[str] | None = None,
    *,
    subset: str | None = None,
    corpora: Collection[str] | None = None,
    signers: Collection[str] | None = None,
    any_estimator: bool = False,
) -> PoseShards | PoseDataset:
    """Open files of pose tracks.

    One path and nothing else gives PoseShards: the whole file, a mapping from clip id to PoseTrack. Several
    paths in a list, or a selection, give a PoseDataset: a sequence of clips, numbered through all files, that
    can be sliced. A list of one path gives a PoseDataset too, so the type never depends on how many files
    there are.

    Opening checks all that is stored but the frames, and maps the files into memory; the frames of a clip are
    read, and checked, when the clip is asked for.

    Args:
        path: a file that `extract`, `save` or a command wrote, or an index of shards; or several of them.
        splits: only clips of these splits: "train", "val", "test", and "none" for clips without a split.
        subset: only clips of a subset of one corpus: "wlasl100", "msasl500", "confusing", …
        corpora: only clips of these corpora.
        signers: only clips of these signers.
        any_estimator: whether the files may hold keypoints of different estimators.

    Raises:
        DataError: if a file is missing, damaged or foreign, if files do not go together, or if there is no
            such split, subset, corpus or signer.
        NoClipsError: if the list of paths is empty, or no clip is of the selection.
        OSError: if a file cannot be read.

    Example:
        >>> tracks = masa_data.open("out.h5")  # doctest: +SKIP
        >>> tracks["book/take1"].keypoints.shape  # doctest: +SKIP
        (62, 49, 2)
        >>> train = masa_data.open(["a.h5", "b.h5"], splits=["train"])  # doctest: +SKIP
    """
    is_one = isinstance(path, (str, Path))
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    if not paths:
        raise NoClipsError("found no path to open", "Name one file or more")
    chosen = {"subset": subset, "corpora": corpora, "splits": splits, "signers": signers}
    if is_one and all(value is None for value in chosen.values()) and not any_estimator:
        return PoseShards.open(paths[0])
    dataset = PoseDataset.open(
        *paths, subset=subset, corpora=corpora, splits=splits, signers=signers, any_estimator=any_estimator
    )
    if len(dataset) == 0:
        named = ", ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
        raise NoClipsError(f"no clip of {', '.join(map(str, paths))} is of {named}", "Select less narrowly")
    return dataset

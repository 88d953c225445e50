"""Opens files of pose tracks: one file, several files, or a selection of their clips."""

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

    A single path without other arguments returns PoseShards: the whole file, a mapping from clip id to
    PoseTrack. A list of paths, or a selection, returns a PoseDataset: a sequence of clips, numbered
    consecutively over all files, that can be sliced. This is also true for a list of one path, so the type of
    the result does not depend on the number of files.

    Opening checks all stored data except the frames, and maps the files into memory. The frames of a clip are
    read and checked when the clip is used.

    Args:
        path: a file that `extract`, `save` or a command wrote, or an index of shards; or several of them.
        splits: use only clips of these splits: "train", "val", "test", and "none" for clips without a split.
        subset: use only clips of a subset of one corpus: "wlasl100", "msasl500", "confusing", …
        corpora: use only clips of these corpora.
        signers: use only clips of these signers.
        any_estimator: whether the files may have keypoints of different estimators.

    Raises:
        DataError: if a file is missing, damaged or of another format, if files cannot be used together, or if
            the split, subset, corpus or signer does not exist.
        NoClipsError: if the list of paths is empty, or no clip matches the selection.
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
        raise NoClipsError("found no path to open", "Give at least one file")
    chosen = {"subset": subset, "corpora": corpora, "splits": splits, "signers": signers}
    if is_one and all(value is None for value in chosen.values()) and not any_estimator:
        return PoseShards.open(paths[0])
    dataset = PoseDataset.open(
        *paths, subset=subset, corpora=corpora, splits=splits, signers=signers, any_estimator=any_estimator
    )
    if len(dataset) == 0:
        named = ", ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
        raise NoClipsError(f"no clip of {', '.join(map(str, paths))} is of {named}", "Relax the selection")
    return dataset

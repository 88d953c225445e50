"""masa_data.extract: videos to a file of pose tracks, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from rich.console import Console

from masa_data.corpora.named import CorpusName
from masa_data.errors import DataError
from masa_data.estimators.choice import Device, EstimatorName
from masa_data.estimators.mmpose.options import MMPoseOptions
from masa_data.extraction.job import Output, run_extraction
from masa_data.extraction.plan import WhatToExtract, plan_extraction
from masa_data.extraction.summary import ExtractionSummary
from masa_data.extraction.watching import (
    BarWatcher,
    CallbackWatcher,
    ExtractionProgress,
    ExtractionWatcher,
)
from masa_data.tracks.provenance import Sampling, SplitRule


def extract(
    inputs: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    estimator: EstimatorName | None = "mediapipe",
    mmpose: MMPoseOptions | None = None,
    device: Device = "auto",
    workers: int | None = None,
    corpus: CorpusName | None = None,
    annotations: str | Path | None = None,
    split_by: Literal["random", "signer"] | None = None,
    seed: int = 0,
    every: int = 1,
    max_fps: float | None = None,
    limit: int | None = None,
    shard_clips: int | None = None,
    overwrite: bool = False,
    strict: bool = False,
    failures: str | Path | None = None,
    progress: bool | Callable[[ExtractionProgress], None] = False,
) -> ExtractionSummary:
    """Find the 49 keypoints in every frame of sign videos and write them to one file.

    A clip that fails does not stop the others: it is listed in the result and in the file of failures. If the
    call is interrupted, make the same call again: it continues, and the file is byte-identical to that of a
    call without interruption. Existing clips of `out` do not change.

    Videos are decoded in worker processes. A script may call this at its top level: workers do not import it.

    Args:
        inputs: one or several of: a video; a folder of videos, with its subfolders as glosses; a folder of
            numbered images; a CSV list (path,label,split,signer,start,end); a pattern such as "more/*.gif".
            With `corpus`: the folder that contains its videos.
        out: path of the output file, new or existing, with the extension .h5 or .hdf5.
        estimator: "mediapipe" or "mmpose"; None = MMPose if it is installed, else MediaPipe, as the command
            masa-extract chooses.
        mmpose: model, weights and other options of MMPose; None = its defaults.
        device: "cpu", "cuda", or "auto" for a GPU if the estimator can use one.
        workers: number of parallel processes; None = one per core, or one in total for a GPU.
        corpus: name of a corpus whose own lists are read, such as "wlasl"; None = no corpus.
        annotations: with `corpus`: its lists or their folder; None = in the folder of videos.
        split_by: assigns clips without a split to train, val and test, 70/10/20: clip by clip ("random") or
            signer by signer ("signer"); None = they have no split.
        seed: random seed of this assignment.
        every: every N-th frame is kept.
        max_fps: maximum number of frames per second that are kept; None = no limit.
        limit: number of clips to extract, the first ones; None = all.
        shard_clips: number of clips per shard, with `out` as the index of shards; None = one file.
        overwrite: whether to start from the beginning instead of adding to an existing `out`.
        strict: whether the first clip that fails stops the call with an error.
        failures: path of the list of problems, one JSON line each; None = OUT.failures.jsonl next to `out`.
        progress: True shows a progress bar on standard error; a function is called after every clip with an
            ExtractionProgress.

    Returns:
        numbers of clips and frames, the problems, and the path of the file.

    Raises:
        NotInstalledError: if the estimator is not installed.
        DataError: if an input does not exist, `out` has other settings or another process writes it, options
            contradict each other, or (strict) a clip fails.
        OSError: if a file cannot be read or written; finished work is kept.

    Example:
        >>> summary = masa_data.extract("videos/", "out.h5", progress=True)  # doctest: +SKIP
        >>> summary.failed, summary.problems  # doctest: +SKIP
        (0, [])
    """
    out = Path(out)
    names = (str(inputs),) if isinstance(inputs, (str, Path)) else tuple(map(str, inputs))
    _check(names, out, corpus, annotations)
    at_least_one = {"workers": workers, "every": every, "limit": limit, "shard_clips": shard_clips}
    for name, value in at_least_one.items():
        if value is not None and value < 1:
            raise DataError(
                f"found {name}={value}, expected at least 1", "Give a larger number, or leave it out"
            )
    watcher: ExtractionWatcher
    if callable(progress):
        watcher = CallbackWatcher(progress)
    else:
        console = Console(stderr=True, highlight=False, markup=False)
        watcher = BarWatcher(console) if progress else ExtractionWatcher()
    asked = WhatToExtract(
        inputs=() if corpus else names,
        corpus=corpus,
        root=Path(names[0]) if corpus else None,
        annotations=Path(annotations) if annotations is not None else None,
        limit=limit,
        estimator=estimator,
        device=device,
        mmpose=mmpose or MMPoseOptions(),
        sampling=Sampling(every=every, max_fps=max_fps),
        split_rule=SplitRule(by=split_by, seed=seed) if split_by else None,
    )
    plan = plan_extraction(asked, Console(stderr=True, quiet=progress is not True))
    output = Output(
        out,
        shard_clips=shard_clips,
        overwrite=overwrite,
        failures=Path(failures) if failures is not None else out.with_name(out.name + ".failures.jsonl"),
        workers=workers,
        strict=strict,
    )
    return run_extraction(plan, output, watcher)


def _check(names: tuple[str, ...], out: Path, corpus: str | None, annotations: object) -> None:
    if not names:
        raise DataError("found no input", "Give a video, a folder, a list or a pattern")
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(f"found {out.name!r} as the output, expected a file that ends in .h5", "Rename it")
    if corpus is not None and len(names) != 1:
        raise DataError(
            f"found {len(names)} inputs with a corpus, expected the one folder that contains its videos",
            "Give that folder, or leave out {corpus}",
            corpus=...,
        )
    if annotations is not None and corpus is None:
        raise DataError("found annotations without a corpus", "Give it with {corpus}", corpus=...)

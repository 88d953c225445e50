"""masa-extract: extract pose tracks from videos into one file."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

import click

from masa_data.corpora.named import CORPORA, CorpusName
from masa_data.corpora.ranges import VideosMode
from masa_data.errors import DataError
from masa_data.estimators.choice import ESTIMATORS, Device, EstimatorName
from masa_data.estimators.mmpose.config import Precision
from masa_data.estimators.mmpose.models import DEFAULT_MODEL
from masa_data.estimators.mmpose.options import MMPoseOptions
from masa_data.estimators.signer.signer import PersonMode
from masa_data.extraction.job import Output, run_extraction
from masa_data.extraction.plan import WhatToExtract, plan_extraction
from masa_data.shards.work_folder import work_folder_of
from masa_data.tracks.provenance import Sampling, SplitRule
from masa_data.version import VERSION

from .console import (
    CONTEXT,
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    Command,
    as_option,
    complain,
    errors_in_one_line,
    make_console,
    refuse_options,
)
from .extraction_run import ShownExtraction, print_dry_run, print_end, print_plan

_EXAMPLES = """
\b
Examples:
  masa-extract videos/ out.h5                      a folder, with its subfolders as glosses
  masa-extract clips.csv out.h5                    path,label,split,signer,start,end
  masa-extract a.mp4 b.mov 'more/*.gif' out.h5     files and patterns
  masa-extract videos/ out.h5 --split-by signer    70/10/20, each signer in one split only
  masa-extract --corpus wlasl --root WLASL/ out.h5 a corpus with its own lists
  masa-extract videos/ out.h5 --dry-run            list the clips, extract nothing

If interrupted, run the same command again: it continues.
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUT.h5")
@click.option(
    "--estimator",
    type=click.Choice(ESTIMATORS),
    help="The pose estimator [default: MMPose if it is installed, else MediaPipe].",
)
@click.option(
    "--model", default=DEFAULT_MODEL, help="mmpose: a model name of MMPose, or accurate, balanced, fast."
)
@click.option(
    "--checkpoint", help="mmpose: weights, a file or a URL [default: the weights MMPose publishes]."
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="mmpose: frames per batch [default: as many as fit in memory].",
)
@click.option(
    "--flip-test/--no-flip-test",
    default=True,
    help="mmpose: also use the mirror image of each frame: more accurate, but slower.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "fp16"]),
    default="fp32",
    show_default=True,
    help="mmpose: number format of the network.",
)
@click.option(
    "--person",
    type=click.Choice(["auto", "detect", "follow", "annotated", "whole-frame"]),
    default="auto",
    show_default=True,
    help="mmpose: where to look for the signer. auto: the corpus's box if there is one, else detect if the "
    "detector is installed, else follow.",
)
@click.option(
    "--detector-checkpoint",
    help="mmpose: weights of the person detector, a file or a URL [default: the weights MMPose publishes].",
)
@click.option("--corpus", type=click.Choice(CORPORA), help="Use a corpus's own lists; do not give INPUT.")
@click.option("--root", type=click.Path(path_type=Path), help="With --corpus: the folder with its videos.")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="With --corpus: the file of its lists, or the folder that contains them [default: in ROOT].",
)
@click.option(
    "--videos",
    type=click.Choice(["auto", "cut", "raw"]),
    default="auto",
    show_default=True,
    help="With --corpus: cut = each file is one clip; raw = files are source videos with many clips; auto "
    "decides by file name and length.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device of the estimator.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of parallel processes [default: one per core]."
)
@click.option(
    "--shard-clips",
    type=click.IntRange(min=1),
    help="Write numbered shards with this number of clips each, and OUT.h5 as their index.",
)
@click.option(
    "--split-by",
    type=click.Choice(["random", "signer"]),
    help="Assign clips without a split to train, val and test, 70/10/20.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of --split-by.")
@click.option("--limit", type=click.IntRange(min=1), help="Extract only the first N clips.", metavar="N")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Keep every N-th frame.",
)
@click.option(
    "--max-fps",
    type=click.FloatRange(min=0, min_open=True),
    help="Keep at most this number of frames per second.",
)
@click.option(
    "--overwrite/--resume",
    default=False,
    help="--overwrite: extract all clips again. --resume: keep the clips in OUT.h5 and continue [default: "
    "resume].",
)
@click.option(
    "--failures",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that lists problems, one JSON line each [default: OUT.h5.failures.jsonl].",
)
@click.option("--strict", is_flag=True, help="Stop at the first clip that fails.")
@click.option("--dry-run", is_flag=True, help="List the clips and problems; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for every clip.")
@click.version_option(VERSION)
def main(
    paths: tuple[str, ...],
    estimator: EstimatorName | None,
    model: str,
    checkpoint: str | None,
    batch_size: int | None,
    flip_test: bool,
    precision: Precision,
    person: PersonMode,
    detector_checkpoint: str | None,
    corpus: CorpusName | None,
    root: Path | None,
    annotations: Path | None,
    videos: VideosMode,
    device: Device,
    workers: int | None,
    shard_clips: int | None,
    split_by: Literal["random", "signer"] | None,
    seed: int,
    limit: int | None,
    every: int,
    max_fps: float | None,
    overwrite: bool,
    failures: Path | None,
    strict: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Find the 49 keypoints in every frame of sign videos and write them to one file.

    INPUT is a video, a folder of videos or of numbered images, a CSV list or a pattern. Exit code 0: all
    clips were extracted; 3: some clips failed (they are listed, and the others are in OUT.h5); 2: wrong
    usage.
    """
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-extract"):
        *inputs, out_name = paths
        out = Path(out_name)
        _check_paths(paths, corpus, root, annotations)
        if corpus is None:
            refuse_options("without --corpus", "videos")
        if split_by is None:
            refuse_options("without --split-by", "seed")
        asked = WhatToExtract(
            inputs=tuple(inputs),
            corpus=corpus,
            root=root,
            annotations=annotations,
            videos=videos,
            limit=limit,
            estimator=estimator,
            device=device,
            mmpose=MMPoseOptions(
                model, checkpoint, batch_size, flip_test, precision, person, detector_checkpoint
            ),
            sampling=Sampling(every=every, max_fps=max_fps),
            split_rule=SplitRule(by=split_by, seed=seed) if split_by else None,
        )
        plan = plan_extraction(asked, console)
        print_plan(console, plan)
        if dry_run:
            plan.check_splits()
            print_dry_run(console, plan.listing, out)
            return
        output = Output(
            out,
            shard_clips=shard_clips,
            overwrite=overwrite,
            failures=failures or out.with_name(out.name + ".failures.jsonl"),
            words=as_option,
            workers=workers,
            strict=strict,
        )
        try:
            with _sigterm_as_interrupt():
                summary = run_extraction(plan, output, ShownExtraction(console, verbose=verbose))
        except KeyboardInterrupt:
            complain(
                f"Interrupted. Finished clips are kept in {work_folder_of(out)}; "
                "run the same command again to continue."
            )
            sys.exit(EXIT_INTERRUPTED)
        print_end(console, plan, summary)
        sys.exit(0 if summary.is_complete else EXIT_SOME_FAILED)


def _check_paths(
    paths: tuple[str, ...], corpus: CorpusName | None, root: Path | None, annotations: Path | None
) -> None:
    if (len(paths) > 1) == bool(corpus) or Path(paths[-1]).suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(
            f"found {len(paths)} paths ending in {paths[-1]!r}, expected INPUT... (or --corpus) and then "
            "an output file that ends in .h5",
            "Run masa-extract --help for examples",
        )
    if (corpus is None) != (root is None) or (annotations is not None and corpus is None):
        raise DataError(
            "--corpus and --root must be given together, and --annotations needs both",
            "Give --corpus and --root, or INPUT... instead",
        )


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM, which clusters send before they kill a job, like Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

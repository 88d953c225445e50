"""masa-convert merge, filter, subsample and compact: make new files from finished ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from masa_data.editing.conditions import Condition, mask_of
from masa_data.editing.copying import Part, copy_clips
from masa_data.editing.merge import merge
from masa_data.editing.subsample import subsample
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.shards.selection import Selection
from masa_data.shards.several import open_each
from masa_data.texts import counted
from masa_data.tracks.provenance import Provenance

from .console import clips_bar, errors_in_one_line, make_console
from .import_options import inputs_and_out

Command = TypeVar("Command", bound=Callable[..., None])

_IN: Final = click.argument("file", metavar="IN.h5", type=click.Path(path_type=Path))
_OUT: Final = click.argument("out", metavar="OUT.h5", type=click.Path(path_type=Path))
_WHERE_HELP: Final = (
    "FIELD=VALUE[,VALUE], or another of the signs != < <= > >= ~ (~ takes a pattern with * and ?). If the "
    "option is repeated, all conditions must be true. Fields: id, path, corpus, gloss, label, split, signer, "
    "fps, width, height, start, end, source_sha256, several_people, and frames (the length of the clip)."
)


def _writes(command: Command) -> Command:
    """Add the options that all commands have that write a new file."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it exists."),
        click.option(
            "--shard-clips",
            type=click.IntRange(min=1),
            help="Write shards with this number of clips each, and OUT.h5 as index [default: one file].",
        ),
    ):
        command = option(command)
    return command


@click.command("merge")
@click.argument("paths", nargs=-1, required=True, metavar="IN.h5... OUT.h5")
@click.option("--prefix", is_flag=True, help="Add the name of its file in front of each clip's id.")
@click.option("--any-estimator", is_flag=True, help="Join files even if their estimators differ.")
@_writes
def merge_files(
    paths: tuple[str, ...],
    prefix: bool,
    any_estimator: bool,
    shard_clips: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Join files that have the same estimator and the same frame sampling into a new file.

    If the files number their classes differently, the classes get new numbers by gloss. Classes of corpora
    with official lists, like WLASL, keep the numbers of the lists.
    """
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-convert"), ExitStack() as stack:
        inputs, out = inputs_and_out(paths, least=2)
        datasets = [stack.enter_context(tracks) for tracks in open_each(inputs)]
        plan = merge(datasets, prefix=prefix, any_estimator=any_estimator)
        _copy(console, plan.parts, out, plan.provenance, shard_clips=shard_clips, overwrite=overwrite)
        clips = sum(map(len, datasets))
        console.print(f"{counted(len(datasets), 'file')}, {counted(clips, 'clip')} merged")
        for corpus in plan.renumbered:
            console.print(f"classes of {corpus!r} have new numbers: the files numbered them differently")
        for note in plan.notes:
            console.print(f"note: {note}")
        console.print(f"Wrote {out}. Next: masa-inspect {out}")


@click.command("filter")
@_IN
@_OUT
@click.option("--where", "conditions", multiple=True, metavar="CONDITION", help=_WHERE_HELP)
@click.option(
    "--subset", help="Keep the classes of this subset of a corpus: wlasl100, msasl500, confusing, …"
)
@_writes
def filter_file(
    file: Path,
    out: Path,
    conditions: tuple[str, ...],
    subset: str | None,
    shard_clips: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Copy the clips that meet conditions to a new file. Class numbers do not change."""
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        if not conditions and subset is None:
            raise DataError("found no condition", "Give --where FIELD=VALUE, or --subset NAME")
        chosen = _chosen(console, tracks, conditions)
        selection = Selection(subset=subset)
        selection.check([tracks])
        chosen &= selection.mask(tracks)
        if not chosen.any():
            raise DataError(
                f"no clip of {file} meets the conditions",
                "Relax the conditions; masa-inspect shows which values the file has",
            )
        part = Part(tracks, np.flatnonzero(chosen))
        _copy(console, [part], out, tracks.provenance, shard_clips=shard_clips, overwrite=overwrite)
        console.print(f"{len(part.numbers):,} of {counted(len(tracks), 'clip')} chosen")
        console.print(f"Wrote {out}. Next: masa-inspect {out}")


@click.command("subsample")
@_IN
@_OUT
@click.option(
    "--per-class", type=click.IntRange(min=1), help="Keep this number of clips of each class and split."
)
@click.option(
    "--share",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Keep this share (0 to 1) of the clips of each class and split, rounded up.",
)
@click.option("--every", type=click.IntRange(min=1), default=1, help="Keep every N-th frame of each clip.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Reduce only clips that meet this condition, and keep all others (as in masa-convert filter).",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed; another seed chooses other clips."
)
@_writes
def subsample_file(
    file: Path,
    out: Path,
    per_class: int | None,
    share: float | None,
    every: int,
    conditions: tuple[str, ...],
    seed: int,
    shard_clips: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Copy some of the clips, or some frames of each clip, to a new file. The seed decides which clips."""
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        if (per_class is not None) + (share is not None) > 1 or (per_class, share, every) == (None, None, 1):
            raise DataError(
                "found none or two of --per-class and --share, expected one of them, or --every alone",
                "Give one of them",
            )
        among = _chosen(console, tracks, conditions)
        if per_class is None and share is None:
            share = 1.0
            if conditions:
                raise DataError(
                    "found --where with --every alone, but --every applies to all clips",
                    "Leave --where out, or add --per-class or --share",
                )
        chosen = subsample(tracks, among, per_class=per_class, share=share, seed=seed)
        part = Part(tracks, np.flatnonzero(chosen), every=every)
        provenance = _thinned(tracks, every)
        _copy(console, [part], out, provenance, shard_clips=shard_clips, overwrite=overwrite)
        console.print(f"{len(part.numbers):,} of {counted(len(tracks), 'clip')} chosen")
        if every > 1:
            frames = sum(-(-int(length) // every) for length in tracks.lengths[part.numbers])
            console.print(f"{frames:,} of their {counted(tracks.lengths[part.numbers].sum(), 'frame')} kept")
        console.print(f"Wrote {out}. Next: masa-inspect {out}")


@click.command("compact")
@_IN
@_OUT
@_writes
def compact_file(file: Path, out: Path, shard_clips: int | None, overwrite: bool, quiet: bool) -> None:
    """Copy an index with its shards to one file, or a file to shards of equal size.

    The checksum of every clip is checked.
    """
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        part = Part(tracks, np.arange(len(tracks)))
        _copy(console, [part], out, tracks.provenance, shard_clips=shard_clips, overwrite=overwrite)
        files = 1 if shard_clips is None else -(-len(tracks) // shard_clips)
        before = counted(max(1, len(tracks.shards)), "file")
        console.print(f"{counted(len(tracks), 'clip')} copied from {before} to {counted(files, 'file')}")
        console.print(f"Wrote {out}. Next: masa-inspect {out}")


def _chosen(console: Console, tracks: PoseShards, conditions: tuple[str, ...]) -> NDArray[np.bool_]:
    parsed = tuple(map(Condition.parse, conditions))
    for condition in parsed:
        for line in condition.unmet(tracks):
            console.print(f"note: {line}")
    return mask_of(tracks, parsed)


def _copy(
    console: Console,
    parts: Sequence[Part],
    out: Path,
    provenance: Provenance,
    *,
    shard_clips: int | None,
    overwrite: bool,
) -> None:
    with clips_bar(console) as bar:
        task = bar.add_task("", total=sum(len(part.numbers) for part in parts))
        copy_clips(
            parts,
            out,
            provenance,
            shard_clips=shard_clips,
            overwrite=overwrite,
            clip_done=lambda: bar.advance(task),
        )


def _thinned(tracks: PoseShards, every: int) -> Provenance:
    """The provenance with the new frame sampling, if this sampling can be recorded."""
    sampling = tracks.provenance.sampling
    if every > 1 and sampling.max_fps is not None:
        raise DataError(
            f"{tracks.path} was extracted with --max-fps {sampling.max_fps:g}; a file cannot record --every "
            f"{every} in addition to --max-fps",
            "Extract the videos again with a lower --max-fps",
        )
    thinner = sampling.model_copy(update={"every": sampling.every * every})
    return tracks.provenance.model_copy(update={"sampling": thinner})

"""masa-convert: keypoints and labels that others made, to and in our files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from masa_data.corpora.clip import Problem
from masa_data.corpora.named import CORPORA, CorpusName, list_corpus
from masa_data.errors import DataError
from masa_data.exchange.collector import Imported, import_each
from masa_data.exchange.frame_facts import AssumedFrames, FrameSource, VideoFolder, parse_size
from masa_data.exchange.inputs import list_keypoint_files
from masa_data.exchange.masa_pickle import read_masa_pickle
from masa_data.exchange.mmpose_json import read_mmpose_json
from masa_data.exchange.npz import NpzClips, npz_provenance
from masa_data.exchange.relabel import deal_splits, relabel, write_relabelled
from masa_data.exchange.wholebody import WholeBody, WholeBodyImport
from masa_data.shards.reader import PoseShards
from masa_data.shards.spec import SplitRule
from masa_data.version import VERSION

from .console import CONTEXT, errors_in_one_line, make_console
from .import_run import run_import

Command = TypeVar("Command", bound=Callable[..., None])

_EXAMPLES = """
\b
Examples:
  masa-convert mmpose predictions/ out.h5 --videos videos/          size, rate and hash from the videos
  masa-convert mmpose a.json b.json out.h5 --size 640x360 --fps 25  or as you say
  masa-convert masa-pickle WLASL/keypoints/ out.h5 --videos WLASL/videos/
  masa-convert npz clips.npz out.h5 --size 640x480 --fps 30
  masa-convert relabel out.h5 --corpus wlasl --root WLASL/
  masa-convert split out.h5 --by signer
"""
_FILE = click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))


@click.group(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.version_option(VERSION)
def main() -> None:
    """Import keypoints that others found, and renew the labels and splits of a file.

    Exit code 0: all clips worked; 3: some failed (they are listed, and the rest is in OUT.h5); 2: wrong
    usage.
    """


def _import_options(corpus: str, *, videos: bool) -> Callable[[Command], Command]:
    """The arguments and options of an import."""
    options = [
        click.argument("paths", nargs=-1, required=True, metavar="INPUT... OUT.h5"),
        click.option("--size", metavar="WxH", help="Size of the frames in pixels; recorded as assumed."),
        click.option(
            "--fps",
            type=click.FloatRange(min=0, max=1000, min_open=True),
            help="Frames per second; recorded as assumed.",
        ),
        click.option("--corpus", default=corpus, show_default=True, help="Name of the clips' corpus."),
        click.option(
            "--model", default="unknown", help="The model that found the keypoints, to be recorded."
        ),
        click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it is there."),
        click.option(
            "--failures",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where problems are listed, a JSON line each [default: OUT.h5.failures.jsonl].",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    ]
    if videos:
        options.append(
            click.option(
                "--videos",
                type=click.Path(exists=True, file_okay=False, path_type=Path),
                help="The videos behind the keypoints, named like the clips: give size, rate and hash.",
            )
        )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@main.command("mmpose")
@_import_options("folder", videos=True)
def import_mmpose(paths: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Import MMPose's JSON files of COCO-WholeBody keypoints, or folders of them.

    In a folder, gloss/clip.json gives glosses and train/gloss/clip.json splits.
    """
    _import_wholebody(paths, ".json", read_mmpose_json, "mmpose json", **options)


@main.command("masa-pickle")
@_import_options("folder", videos=True)
def import_masa_pickle(paths: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Import pickles {'keypoints': (T, 133, 3), 'img_list': [...]}, or folders of them.

    No code in them runs, and only numpy arrays and plain types are read.
    """
    _import_wholebody(paths, ".pkl", read_masa_pickle, "masa pickle", **options)


def _import_wholebody(
    paths: tuple[str, ...],
    ending: str,
    read: Callable[[Path], WholeBody],
    source: str,
    *,
    videos: Path | None,
    size: str | None,
    fps: float | None,
    corpus: str,
    model: str,
    overwrite: bool,
    failures: Path | None,
    quiet: bool,
) -> None:
    with errors_in_one_line("masa-convert"):
        inputs, out = _inputs_and_out(paths)
        importer = WholeBodyImport(lambda clip: read(clip.source), _frame_source(videos, size, fps))
        listing = list_keypoint_files(inputs, ending, corpus)
        code = run_import(
            make_console(quiet=quiet),
            out,
            _chained(listing.problems, import_each(listing.clips, importer.track)),
            len(listing.problems) + len(listing.clips),
            lambda: importer.provenance(source, model),
            importer.score_warning,
            overwrite=overwrite,
            failures=failures,
        )
    sys.exit(code)


@main.command("npz")
@_import_options("signs", videos=False)
def import_npz(
    paths: tuple[str, ...],
    size: str | None,
    fps: float | None,
    corpus: str,
    model: str,
    overwrite: bool,
    failures: Path | None,
    quiet: bool,
) -> None:
    """Import npz files of many clips: kp49 as shares of the frame, offsets, label[, split, signer].

    Labels carry their source (owner/name:sign), so the whole label is the class and becomes the gloss.
    """
    with errors_in_one_line("masa-convert"), ExitStack() as stack:
        inputs, out = _inputs_and_out(paths)
        frames = _frame_source(None, size, fps)
        files: list[NpzClips] = []
        problems: list[Problem] = []
        for name in inputs:
            try:
                files.append(stack.enter_context(NpzClips(Path(name), corpus)))
            except DataError as error:
                problems.append(Problem.of(error, name))
        code = run_import(
            make_console(quiet=quiet),
            out,
            _chained(problems, (outcome for file in files for outcome in file.tracks(frames))),
            len(problems) + sum(file.clips for file in files),
            lambda: npz_provenance(frames, model),
            lambda: None,
            overwrite=overwrite,
            failures=failures,
        )
    sys.exit(code)


@main.command("relabel")
@_FILE
@click.option("--corpus", required=True, type=click.Choice(CORPORA))
@click.option("--root", required=True, type=click.Path(path_type=Path), help="The corpus's folder.")
@click.option("--annotations", type=click.Path(path_type=Path), help="Its lists, if they lie elsewhere.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
def relabel_file(file: Path, corpus: CorpusName, root: Path, annotations: Path | None, dry_run: bool) -> None:
    """Give the clips of a file the corpus, gloss, label, split and signer that a corpus's lists say.

    Clips are recognised by their ids; those that the lists do not name stay as they are. Keypoints do not
    change, and no video is needed.
    """
    console = make_console()
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        listing = list_corpus(corpus, root, annotations)
        infos = [tracks.info(number) for number in range(len(tracks))]
        done = relabel(infos, [row.clip for row in listing.rows])
        for problem in listing.problems:
            if problem.kind == "failed":
                console.print(f"passed over: {problem.reason}")
        named = len(infos) - len(done.unknown) - len(done.contested)
        console.print(f"{named:,} of {len(infos):,} clips are named by the lists; {done.changed:,} change")
        for ids, what in (
            (done.unknown, "are not named by the lists and stay as they are"),
            (done.contested, "look like a clip that another one is too, and stay as they are"),
        ):
            if ids:
                more = ", …" if len(ids) > 10 else ""
                console.print(f"{len(ids):,} {what}: {', '.join(ids[:10])}{more}")
        console.print(f"{done.absent:,} clips of the lists are not in {file}")
        if dry_run or not done.changed:
            console.print(f"{file} is as it was.")
            return
        write_relabelled(tracks, done)
    console.print(f"Wrote {file}. Next: masa-inspect {file}")


@main.command("split")
@_FILE
@click.option("--by", type=click.Choice(["random", "signer"]), required=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the deal.")
def split_file(file: Path, by: Literal["random", "signer"], seed: int) -> None:
    """Deal the clips that have no split to train, val and test, 70/10/20."""
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        dealt = deal_splits(tracks, SplitRule(by=by, seed=seed))
    make_console().print(
        f"Dealt {dealt:,} clips and wrote {file}. Next: masa-inspect {file}"
        if dealt
        else f"Every clip has a split already; {file} is as it was."
    )


def _inputs_and_out(paths: tuple[str, ...]) -> tuple[list[str], Path]:
    *inputs, out_name = paths
    out = Path(out_name)
    if not inputs or out.suffix.lower() not in (".h5", ".hdf5"):
        raise DataError(
            f"found {len(paths)} paths ending in {out_name!r}, expected INPUT... and then an output file "
            "that ends in .h5",
            "Run masa-convert --help for examples",
        )
    return inputs, out


def _frame_source(videos: Path | None, size: str | None, fps: float | None) -> FrameSource:
    if videos is not None and size is None and fps is None:
        return VideoFolder(videos)
    if videos is None and size is not None and fps is not None:
        return AssumedFrames(*parse_size(size), fps)
    given = [
        name for name, value in (("--videos", videos), ("--size", size), ("--fps", fps)) if value is not None
    ]
    raise DataError(
        "keypoints do not say how large and how fast their frames were; found "
        f"{' and '.join(given) or 'no option'} to say it",
        "Give --size WxH and --fps F together, or where the command has it --videos DIR alone",
    )


def _chained(problems: list[Problem], outcomes: Iterator[Imported]) -> Iterator[Imported]:
    yield from (Imported(None, (problem,)) for problem in problems)
    yield from outcomes

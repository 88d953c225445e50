"""masa-inspect: show what a file of pose tracks contains."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from masa_data.analysis.quality import DatasetSummary, summarize, validate
from masa_data.drawing.overlay import write_overlay
from masa_data.drawing.sheet import tiles_of_one, tiles_of_several, write_sheet
from masa_data.errors import DataError
from masa_data.report.page import write_report
from masa_data.shards.reader import PoseShards
from masa_data.texts import counted
from masa_data.version import VERSION

from .clip_list import print_clip_list
from .console import (
    CONTEXT,
    EXIT_SOME_FAILED,
    Command,
    as_option,
    errors_in_one_line,
    make_console,
    print_json,
    refuse_options,
)

_EXAMPLES = """
\b
Examples:
  masa-inspect out.h5                                     totals, lengths, confidence, hands
  masa-inspect out.h5 --validate                          read and check the whole file
  masa-inspect out.h5 --list                              one line for each clip
  masa-inspect out.h5 --clip book/69241                   one clip
  masa-inspect out.h5 --clip book/69241 --overlay a.mp4   its skeleton over its video
  masa-inspect out.h5 --html report.html                  a report page with a search field
  masa-inspect out.h5 --sheet glosses.svg                 one skeleton for every gloss
  masa-inspect out.h5 --sheet a.png --clip book/69241     eight frames of a clip
"""

# The number of glosses on a sheet if no clips are given.
_GLOSSES_ON_A_SHEET = 24


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))
@click.option(
    "--validate",
    "check",
    is_flag=True,
    help="Check checksums, value ranges, order and duplicates. Exit code 3: errors were found.",
)
@click.option(
    "--list", "as_list", is_flag=True, help="Print one line for each clip: id, gloss, split, signer, frames."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --list, one object per line.")
@click.option(
    "--clip", "clip_ids", multiple=True, help="Show only this clip; with --sheet it may be repeated."
)
@click.option(
    "--overlay",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the skeleton over the video of --clip [default: the first clip] and write .mp4, .webm, "
    ".gif, or a .png of eight frames.",
)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw a contact sheet, .png or .svg. With one --clip: eight of its frames. With several: one "
    "skeleton per clip. Without --clip: one skeleton for each of the first 24 glosses.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report as one page, for any browser.",
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="The clip's video, if it was moved [default: the path in the file].",
)
@click.version_option(VERSION)
def main(
    file: Path,
    check: bool,
    as_list: bool,
    as_json: bool,
    clip_ids: tuple[str, ...],
    overlay: Path | None,
    sheet: Path | None,
    html: Path | None,
    source: Path | None,
) -> None:
    """Show what a file that masa-extract wrote contains."""
    console = make_console()
    with errors_in_one_line("masa-inspect"), PoseShards.open(file) as tracks:
        if as_list:
            refuse_options("with --list", "check", "clip_ids", "overlay", "sheet", "html", "source")
            print_clip_list(console, tracks, as_json=as_json)
            return
        if check:
            sys.exit(_validate(console, tracks, as_json))
        for clip_id in clip_ids:
            tracks.require(clip_id)
        if html is not None:
            write_report(tracks, html)
            console.print(f"Wrote {html}: open it in a browser")
        if sheet is not None:
            _write_sheet(console, tracks, clip_ids, sheet)
        if overlay is not None:
            _write_overlay(console, tracks, _one_clip(tracks, clip_ids), overlay, source)
        if html is None and sheet is None and overlay is None:
            if clip_ids:
                _print_clip(console, tracks, _one_clip(tracks, clip_ids), as_json)
            else:
                _print_dataset(console, tracks, as_json)


def _one_clip(tracks: PoseShards, clip_ids: tuple[str, ...]) -> str:
    if len(clip_ids) > 1:
        raise DataError(
            f"found --clip {len(clip_ids)} times, expected once", "Only --sheet takes several clips"
        )
    return clip_ids[0] if clip_ids else next(iter(tracks))


def _write_overlay(
    console: Console, tracks: PoseShards, clip_id: str, overlay: Path, source: Path | None
) -> None:
    track = tracks[clip_id]
    found = source or Path(track.info.path)
    # If keypoints were imported without their video, the path is that of the keypoint file.
    imported = source is None and not track.info.source_sha256
    if imported:
        console.print(
            "The clip was imported without its video; drawing on a plain background. "
            "Give the video with --source."
        )
    elif not found.exists():
        console.print(f"{found} was not found; drawing on a plain background. Give the video with --source.")
    note = write_overlay(track, overlay, None if imported or not found.exists() else found)
    console.print(f"Wrote {overlay}: {clip_id}" + (f"; {note}" if note else ""))


def _write_sheet(console: Console, tracks: PoseShards, clip_ids: tuple[str, ...], sheet: Path) -> None:
    if len(clip_ids) == 1:
        write_sheet(tiles_of_one(tracks[clip_ids[0]]), sheet)
        console.print(f"Wrote {sheet}: {clip_ids[0]}")
        return
    if not clip_ids:
        ids, glosses = tracks.column("id").tolist(), tracks.column("gloss").tolist()
        first_of_gloss = dict(zip(reversed(glosses), reversed(ids), strict=True))
        clip_ids = tuple(
            first_of_gloss[gloss] for gloss in list(dict.fromkeys(glosses))[:_GLOSSES_ON_A_SHEET]
        )
    write_sheet(tiles_of_several(tracks[clip_id] for clip_id in clip_ids), sheet)
    console.print(f"Wrote {sheet}: {counted(len(clip_ids), 'clip')}")


def _validate(console: Console, tracks: PoseShards, as_json: bool) -> int:
    findings = validate(tracks, as_option)
    errors = sum(finding.kind == "error" for finding in findings)
    if as_json:
        print_json(console, {"clips": len(tracks), "findings": [asdict(found) for found in findings]})
    else:
        for finding in findings:
            console.print(f"{finding.kind}: {finding.text}")
        console.print(
            f"{counted(len(tracks), 'clip')} checked: {counted(errors, 'error')}, "
            f"{counted(len(findings) - errors, 'note')}"
        )
    return EXIT_SOME_FAILED if errors else 0


def _print_clip(console: Console, tracks: PoseShards, clip_id: str, as_json: bool) -> None:
    track = tracks[clip_id]
    facts = {**asdict(track.info), "frames": len(track), "mean_confidence": float(track.confidence.mean())}
    if as_json:
        print_json(console, {key: None if value != value else value for key, value in facts.items()})
    else:
        console.print(_facts_table(facts))
        _print_next(console, tracks, clip_id)


def _print_dataset(console: Console, tracks: PoseShards, as_json: bool) -> None:
    summary = summarize(tracks)
    if as_json:
        facts = {
            **asdict(summary),
            "provenance": tracks.provenance.model_dump(),
            "fingerprint": tracks.fingerprint,
        }
        print_json(console, facts)
        return
    estimator = tracks.provenance.estimator
    declared = " (declared)" if estimator.declared else ""
    console.print(f"{tracks.path}: {counted(summary.clips, 'clip')}, {counted(summary.frames, 'frame')}")
    console.print(
        f"estimator: {estimator.name} {estimator.version}{declared}; confidence = {estimator.confidence}"
    )
    console.print(_corpora_table(summary))
    console.print(
        _facts_table(
            {
                "frames per clip": _listed(summary.lengths),
                "frame sizes (clips)": _listed(summary.sizes),
                "frames/s (clips)": _listed(summary.fps),
                "mean confidence": _listed({k: f"{v:.2f}" for k, v in summary.confidence.items()}),
                "hands found": _listed({k: f"{v:.0%}" for k, v in summary.hands.items()}),
                "keypoints far outside the frame": f"{summary.clamped:,}",
            }
        )
    )
    _print_next(console, tracks, next(iter(tracks)))


def _print_next(console: Console, tracks: PoseShards, clip_id: str) -> None:
    command = shlex.join(["masa-inspect", str(tracks.path), "--clip", clip_id, "--overlay", "clip.mp4"])
    console.print(f"Next: {command}")


def _corpora_table(summary: DatasetSummary) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("corpus", "clips", "train", "val", "test", "no split", "classes", "signers"):
        table.add_column(heading, justify="left" if heading == "corpus" else "right")
    for corpus, clips in summary.corpora.items():
        splits = summary.splits[corpus]
        table.add_row(
            corpus,
            f"{clips:,}",
            *(f"{splits.get(name, 0):,}" for name in ("train", "val", "test", "none")),
            f"{summary.classes.get(corpus, 0):,}",
            f"{summary.signers.get(corpus, 0):,}",
        )
    return table


def _facts_table(facts: dict[str, object]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in facts.items():
        table.add_row(name, str(value))
    return table


def _listed(values: dict[str, object] | dict[str, int] | dict[str, str], most: int = 6) -> str:
    shown = [f"{name}: {value}" for name, value in list(values.items())[:most]]
    return ", ".join(shown) + (f", and {len(values) - most} more" if len(values) > most else "")

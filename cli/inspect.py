"""masa-inspect: what is in a file of pose tracks."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from masa_data.errors import DataError
from masa_data.overlay import write_overlay
from masa_data.quality import DatasetSummary, summarise, validate
from masa_data.shards.reader import PoseShards
from masa_data.version import VERSION

from .console import CONTEXT, EXIT_SOME_FAILED, errors_in_one_line, make_console

_EXAMPLES = """
\b
Examples:
  masa-inspect out.h5                                     totals, lengths, confidence, hands
  masa-inspect out.h5 --validate                          read everything and check it
  masa-inspect out.h5 --clip book/69241                   one clip
  masa-inspect out.h5 --clip book/69241 --overlay a.mp4   its skeleton over its video
"""


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))
@click.option(
    "--validate",
    "check",
    is_flag=True,
    help="Check checksums, bounds, order and duplicates. Exit code 3: errors found.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--clip", "clip_id", help="Only this clip.")
@click.option(
    "--overlay",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the skeleton over the clip's (or the first clip's) source: .mp4, or .png of eight frames.",
)
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    help="Where the clip's video is now [default: where it was].",
)
@click.version_option(VERSION)
def main(
    file: Path, check: bool, as_json: bool, clip_id: str | None, overlay: Path | None, source: Path | None
) -> None:
    """Show what is in a file that masa-extract wrote."""
    console = make_console()
    with errors_in_one_line("masa-inspect"), PoseShards.open(file) as tracks:
        if check:
            sys.exit(_validate(console, tracks, as_json))
        if clip_id is None and overlay is None:
            _print_dataset(console, tracks, as_json)
            return
        clip_id = clip_id or next(iter(tracks))
        if clip_id not in tracks:
            near = get_close_matches(clip_id, list(tracks), n=3, cutoff=0.4)
            raise DataError(
                f"there is no clip {clip_id!r} in {file}",
                f"Near it: {', '.join(near) or next(iter(tracks))}",
            )
        track = tracks[clip_id]
        if overlay is None:
            _print_clip(console, tracks, clip_id, as_json)
            return
        found = source or Path(track.info.path)
        # Of keypoints that were imported without their video, the path is the file of keypoints.
        imported = source is None and not track.info.source_sha256
        if imported:
            console.print("Imported without its video; drawing on a plain background (--source names it)")
        elif not found.exists():
            console.print(
                f"{found} is not there; drawing on a plain background (--source names its new place)"
            )
        write_overlay(track, overlay, None if imported or not found.exists() else found)
        console.print(f"Wrote {overlay}: {clip_id}")


def _validate(console: Console, tracks: PoseShards, as_json: bool) -> int:
    findings = validate(tracks)
    errors = sum(finding.kind == "error" for finding in findings)
    if as_json:
        console.print(json.dumps({"clips": len(tracks), "findings": [asdict(found) for found in findings]}))
    else:
        for finding in findings:
            console.print(f"{finding.kind}: {finding.text}")
        console.print(f"{len(tracks):,} clips checked: {errors} errors, {len(findings) - errors} notes")
    return EXIT_SOME_FAILED if errors else 0


def _print_clip(console: Console, tracks: PoseShards, clip_id: str, as_json: bool) -> None:
    track = tracks[clip_id]
    facts = {**asdict(track.info), "frames": len(track), "mean_confidence": float(track.confidence.mean())}
    if as_json:
        console.print(json.dumps({key: None if value != value else value for key, value in facts.items()}))
    else:
        console.print(_facts_table(facts))
        _print_next(console, tracks, clip_id)


def _print_dataset(console: Console, tracks: PoseShards, as_json: bool) -> None:
    summary = summarise(tracks)
    if as_json:
        facts = {
            **asdict(summary),
            "provenance": tracks.provenance.model_dump(),
            "fingerprint": tracks.fingerprint,
        }
        console.print(json.dumps(facts))
        return
    estimator = tracks.provenance.estimator
    console.print(f"{tracks.path}: {summary.clips:,} clips, {summary.frames:,} frames")
    console.print(f"estimator: {estimator.name} {estimator.version}; confidence = {estimator.confidence}")
    console.print(_corpora_table(summary))
    console.print(
        _facts_table(
            {
                "frames a clip": _listed(summary.lengths),
                "frame sizes (clips)": _listed(summary.sizes),
                "frames/s (clips)": _listed(summary.fps),
                "mean confidence": _listed({k: f"{v:.2f}" for k, v in summary.confidence.items()}),
                "hands found": _listed({k: f"{v:.0%}" for k, v in summary.hands.items()}),
                "keypoints too far outside": f"{summary.clamped:,}",
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

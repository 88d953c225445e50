"""masa-corpus: where to get a corpus, and which of its clips are on disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from masa_data.corpora.check import Checked, CorpusReport, check_rows
from masa_data.corpora.fetching import fetch_files, zenodo_files
from masa_data.corpora.missing_csv import missing_csv
from masa_data.corpora.named import CORPORA, CorpusName, list_corpus
from masa_data.corpora.origins import ORIGINS
from masa_data.corpora.ranges import VideosMode
from masa_data.errors import DataError
from masa_data.machine.cores import available_cores
from masa_data.version import VERSION

from .console import (
    CONTEXT,
    EXIT_SOME_FAILED,
    Group,
    as_option,
    clips_bar,
    errors_in_one_line,
    make_console,
    print_json,
    refuse_options,
)

_EXAMPLES = """
\b
Examples:
  masa-corpus get autsl --to AUTSL/                               fetch its lists, say where the videos are
  masa-corpus check wlasl --root WLASL/                           count found and missing clips
  masa-corpus check wlasl --root WLASL/ --missing missing.csv     and list the missing clips with their URLs
  masa-corpus check msasl --root videos/ --annotations MS-ASL/    if the lists are in another folder
"""

# The number of groups or names that are printed; JSON has all of them.
_SHOWN = 5


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(VERSION)
def main() -> None:
    """Say where to get a corpus, and check it on disk."""


@main.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", type=click.Choice(CORPORA))
@click.option("--root", required=True, type=click.Path(path_type=Path), help="The folder with its videos.")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="The file of its lists, or the folder that contains them [default: in ROOT or a folder in it].",
)
@click.option(
    "--videos",
    type=click.Choice(["auto", "cut", "raw"]),
    default="auto",
    show_default=True,
    help="cut = each file is one clip; raw = files are source videos with many clips; auto decides by file "
    "name and length.",
)
@click.option(
    "--variants",
    type=click.Path(dir_okay=False, path_type=Path),
    help="nmfs-csl: a file with one row per class, `label confusing` or `label normal`.",
)
@click.option(
    "--missing",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a CSV of the clips that cannot be used, with their URLs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    name: CorpusName,
    root: Path,
    annotations: Path | None,
    videos: VideosMode,
    variants: Path | None,
    missing: Path | None,
    as_json: bool,
) -> None:
    """Count the clips of a corpus that are found, missing, unreadable or out of range, and list problems.

    NAME is a corpus, such as wlasl; the documentation has a page for each. Only the headers of videos are
    read; no frame is decoded. Exit code 0: the corpus is complete and has no problems; 3: clips are missing
    or there are problems; 2: wrong usage.
    """
    console = make_console()
    with errors_in_one_line("masa-corpus"):
        listing = list_corpus(name, root, annotations, variants)
        report = CorpusReport(listing)
        with (
            missing_csv(missing) if missing else nullcontext(_write_nothing) as write,
            _progress(len(listing.rows)) as advance,
        ):
            for checked in check_rows(listing.rows, videos, available_cores()):
                report.add(checked)
                write(checked)
                advance()
        report.finish()
        if as_json:
            print_json(console, _as_json(report))
        else:
            _print_report(console, report)
            if missing:
                console.print(f"Wrote {missing}")
        sys.exit(0 if report.is_fine else EXIT_SOME_FAILED)


@main.command(context_settings=CONTEXT)
@click.argument("name", metavar="NAME", type=click.Choice(CORPORA))
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Fetch the lists that may be fetched into this folder, and check their content.",
)
@click.option(
    "--videos", is_flag=True, help="With --to: fetch the archives of videos too, if the corpus is on Zenodo."
)
def get(name: CorpusName, folder: Path | None, videos: bool) -> None:
    """Say where to get a corpus, and fetch what may be fetched without a form.

    If it is interrupted, run the same command again: it continues.
    """
    console = make_console()
    origin = ORIGINS[name]
    with errors_in_one_line("masa-corpus"):
        if folder is None:
            refuse_options("without --to", "videos")
        console.print(f"Where: {origin.where}")
        console.print(f"Terms: {origin.terms}")
        console.print(f"Then:  {origin.then}")
        if folder is None:
            return
        if videos and origin.zenodo is None:
            raise DataError(f"the videos of {name} may not be fetched", "Get them from the address above")
        if not origin.lists:
            raise DataError(f"no file of {name} may be fetched", "Get it from the address above")
        files = [*origin.lists]
        if videos and origin.zenodo is not None:
            files += zenodo_files(origin.zenodo)
        fetch_files(files, folder, lambda path: console.print(f"Complete: {path}"))


def _write_nothing(checked: Checked) -> None:
    pass


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error if it is a terminal; yields a function to call after each clip."""
    console = make_console(stderr=True)
    with clips_bar(console) as bar:
        task = bar.add_task("", total=rows)
        yield lambda: bar.advance(task)


def _print_report(console: Console, report: CorpusReport) -> None:
    table = Table(box=None, pad_edge=False)
    rows = report.table()
    for column in rows[0] if rows else ():
        table.add_column(column, justify="left" if column in ("subset", "split") else "right")
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else value for value in row.values()))
    console.print(table)
    for title, counts in (("Frames", report.ranges), ("Boxes", report.crops)):
        if counts:
            console.print(f"{title}: " + ", ".join(f"{case} {count:,}" for case, count in counts.items()))
    if report.short:
        console.print(f"{report.short:,} clips have fewer than 8 frames")
    for problem in report.listing.problems[: _SHOWN * 4]:
        console.print(f"{problem.kind}: {problem.reason_in(as_option)}. {problem.advice_in(as_option)}")
    if len(report.listing.problems) > _SHOWN * 4:
        console.print(f"… and {len(report.listing.problems) - _SHOWN * 4:,} more; use --json to see all")
    _print_some(
        console, "groups of files with the same content", [" = ".join(group) for group in report.duplicates]
    )
    _print_some(
        console,
        "signers in more than one split",
        [f"{signer} ({', '.join(splits)})" for signer, splits in report.mixed_signers.items()],
    )
    _print_some(console, "classes without a usable training clip", list(map(str, report.untrained)))
    console.print(
        "Corpus complete; no problems found." if report.is_fine else "The corpus has problems; see above."
    )


def _print_some(console: Console, what: str, items: list[str]) -> None:
    if items:
        more = ", …" if len(items) > _SHOWN else ""
        console.print(f"{len(items):,} {what}: {', '.join(items[:_SHOWN])}{more}")


def _as_json(report: CorpusReport) -> dict[str, object]:
    return {
        "corpus": report.listing.corpus,
        "fine": report.is_fine,
        "counts": report.table(),
        "ranges": report.ranges,
        "boxes": report.crops,
        "short": report.short,
        "problems": [problem.as_row(as_option) for problem in report.listing.problems],
        "duplicates": report.duplicates,
        "signers_in_several_splits": report.mixed_signers,
        "classes_without_training": report.untrained,
    }

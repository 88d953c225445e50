"""masa-study: measure a table of trainings with several seeds, from one recipe."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from masa_data.texts import counted
from masa_data.version import VERSION

from .console import CONTEXT, EXIT_SOME_FAILED, EXIT_TERMINATED, Command, errors_in_one_line, make_console
from .training_pace import duration

if TYPE_CHECKING:
    from masa_model.studies.study import Outcome, Study
    from masa_model.studies.work import Job, Place

_EXAMPLES = """
\b
Examples:
  masa-study --list                                 the recipes that come with MASA
  masa-study few-clips --data signs.h5              few clips per class, from sources never seen
  masa-study few-clips --data signs.h5 --plan       what would be measured; nothing is computed
  masa-study few-clips --data signs.h5 --hours 8    begin no cell after eight hours
  masa-study paper-table-8 --data wlasl.h5 --set pretrain.size=tiny --set 'test=["val"]'
                                                    a table of the paper with a small network, on val
  masa-study my-study.toml --data a.h5 --data b.h5  a recipe of your own

If it is stopped, run the same command again: it continues.
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("recipe_path", metavar="[RECIPE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="OUT.h5",
    help="A file of pose tracks; may be repeated.",
)
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder of the study [default: runs/study-RECIPE].",
)
@click.option(
    "--set",
    "assignments",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a value in all cells, such as pretrain.size=tiny; may be repeated.",
)
@click.option("--device", default="auto", show_default=True, help="Device: auto (all GPUs), cpu, cuda:1, …")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="Cells to measure at the same time [default: one per GPU, or per CPU core].",
)
@click.option("--hours", type=click.FloatRange(min=0), help="Begin no cell after this number of hours.")
@click.option("--only", default="", metavar="TEXT", help="Only cells whose name contains this text.")
@click.option("--plan", is_flag=True, help="List what would be measured, and stop.")
@click.option("--list", "as_list", is_flag=True, help="List the recipes that come with MASA, and stop.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.version_option(VERSION)
def main(
    recipe_path: Path | None,
    files: tuple[Path, ...],
    run_path: Path | None,
    assignments: tuple[str, ...],
    device: str,
    processes: int | None,
    hours: float | None,
    only: str,
    plan: bool,
    as_list: bool,
    quiet: bool,
) -> None:
    """Measure every cell of a table with several seeds, and write the table, its differences and a plot.

    A recipe is a TOML file, or the name of one that comes with MASA.
    """
    with errors_in_one_line("masa-study"):
        from masa_model.studies.recipe import read_recipe

        console = make_console(quiet=quiet)
        if as_list:
            _print_recipes(console)
            return
        if recipe_path is None:
            raise click.UsageError("Missing argument 'RECIPE'; --list shows the recipes that come with MASA.")
        recipe = read_recipe(recipe_path, assignments)
        if not files:
            raise click.UsageError("Missing option '--data': a file of pose tracks.")
        from masa_model.studies.study import Study
        from masa_model.studies.work import Place

        study = Study.open(recipe, files, run_path or Path("runs") / f"study-{recipe_path.stem}")
        if plan:
            _print_plan(console, study, only)
            return
        with study.held() as note:
            if note:
                console.print(note)
            place = Place.of(device, processes)
            failed = _measure(console, study, place, only, float("inf") if hours is None else hours)
        _print_end(console, study, only, failed)
        if failed:
            sys.exit(EXIT_SOME_FAILED)


def _measure(console: Console, study: Study, place: Place, only: str, hours: float) -> int:
    """Measure with a bar and a line for each result; return the number of jobs that failed."""
    missing = study.missing(only)
    console.print(
        f"{study.recipe.title}: {counted(len(missing), 'cell')} to measure, {place.processes} at a time "
        f"on {', '.join(place.devices)}"
    )
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells · now: {task.description}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    failed = 0
    try:
        with _stopping_on_sigterm(), bar:
            task = bar.add_task("…", total=len(missing))

            def begun(job: Job) -> None:
                bar.update(task, description=str(job))

            for outcome in study.measure(place, only=only, hours=hours, begun=begun):
                failed += bool(outcome.problem)
                bar.advance(task, outcome.result is not None)
                console.print(_line_of(outcome))
    except KeyboardInterrupt:
        study.write_table()
        console.print(f"Stopped. What was measured is kept in {study.folder}; the same command continues.")
        sys.exit(EXIT_TERMINATED)
    return failed


def _line_of(outcome: Outcome) -> str:
    if outcome.problem:
        return f"failed: {outcome.job}: {outcome.problem}"
    if outcome.result is None:
        return f"{outcome.job}: done"
    found = outcome.result
    return f"{outcome.job}: {found.accuracy:.1%} of {counted(found.clips, 'clip')}, {duration(found.seconds)}"


def _print_end(console: Console, study: Study, only: str, failed: int) -> None:
    console.print()
    console.print(study.write_table())
    left = len(study.missing(only))
    if failed:
        console.print(f"{counted(failed, 'job')} failed; the lines above say why.")
    if left:
        console.print(f"{counted(left, 'cell')} not measured yet; the same command continues.")
    folder = study.folder
    console.print(f"Wrote {folder / 'table.md'}, table.tex, plot.png, plot.pdf and cells.json.")


def _print_plan(console: Console, study: Study, only: str) -> None:
    from masa_model.studies.cells import pretraining_key

    missing = study.missing(only)
    for cell in missing:
        console.print(f"  {cell}")
    needed = {pretraining_key(study.recipe, cell) for cell in missing} - {None}
    console.print(
        f"{counted(len(missing), 'cell')} to measure, with {counted(len(needed), 'pre-training')}; "
        f"{counted(len(study.results()), 'cell')} measured already."
    )


def _print_recipes(console: Console) -> None:
    from masa_model.studies.recipe import recipe_titles

    for name, title in recipe_titles().items():
        console.print(f"  {name:<24} {title}")
    example = shlex.join(["masa-study", "few-clips", "--data", "out.h5", "--plan"])
    console.print(f"Next: {example}")


@contextmanager
def _stopping_on_sigterm() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that the processes of the study are ended."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main()

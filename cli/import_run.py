"""Run the import that a command asks for, and print the results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, TypedDict

from rich.console import Console
from typing_extensions import NotRequired, Unpack

from masa_data.formats.frame_facts import parse_size
from masa_data.formats.import_job import ImportJob, ImportSummary, run_import
from masa_data.formats.import_options import ImportOptions
from masa_data.formats.joined import joined_with_corpus
from masa_data.formats.reading import Units
from masa_data.texts import counted

from .console import EXIT_SOME_FAILED, as_option, clips_bar, errors_in_one_line, make_console, refuse_options
from .extraction_run import problems_in
from .import_options import inputs_and_out

_SHOWN: Final = 10
# With fewer, one of the three splits would have no signer.
_FEWEST_SIGNERS: Final = 3


class ImportArguments(TypedDict):
    """Arguments of the import commands; only some of the commands have the ones with NotRequired."""

    corpus: str
    estimator: str | None
    units: Units
    overwrite: bool
    failures: Path | None
    quiet: bool
    model: NotRequired[str]
    swap_size: NotRequired[bool]
    size: NotRequired[str | None]
    fps: NotRequired[float | None]
    videos: NotRequired[Path | None]
    columns: NotRequired[str | None]
    root: NotRequired[Path | None]
    annotations: NotRequired[Path | None]


def import_files(
    job_of: Callable[[Sequence[str], ImportOptions], ImportJob],
    paths: tuple[str, ...],
    **arguments: Unpack[ImportArguments],
) -> NoReturn:
    """Run the import that a command asks for, print the results, and exit with the command's exit code.

    Args:
        job_of: function that makes the import job of a format.
        paths: the inputs, then the output.
        arguments: the other arguments of the command.
    """
    console = make_console(quiet=arguments["quiet"])
    with errors_in_one_line("masa-convert"):
        inputs, out = inputs_and_out(paths)
        size = arguments.get("size")
        options = ImportOptions(
            corpus=arguments["corpus"],
            units=arguments["units"],
            swap_size=arguments.get("swap_size", False),
            estimator=arguments["estimator"],
            model=arguments.get("model", "unknown"),
            size=None if size is None else parse_size(size),
            fps=arguments.get("fps"),
            videos=arguments.get("videos"),
            columns=arguments.get("columns"),
        )
        root, annotations = arguments.get("root"), arguments.get("annotations")
        if root is None and "root" in arguments:
            refuse_options("without --root", "annotations")
        with job_of(inputs, options) as asked, clips_bar(console) as bar:
            job = joined_with_corpus(asked, options.corpus, root, annotations) if root else asked
            task = bar.add_task("", total=job.total)
            done = run_import(
                job,
                out,
                overwrite=arguments["overwrite"],
                failures=arguments["failures"],
                words=as_option,
                clip_done=lambda: bar.advance(task),
            )
        _print_end(console, done)
    sys.exit(EXIT_SOME_FAILED if done.failed or not done.clips else 0)


def _print_end(console: Console, done: ImportSummary) -> None:
    if done.note:
        console.print(f"{done.note}.")
    console.print(
        f"{counted(done.clips, 'clip')}, {counted(done.frames, 'frame')} imported; {done.failed:,} failed"
    )
    if done.clamped:
        console.print(
            f"keypoints more than a frame's size outside the frame, set to confidence 0: {done.clamped:,}"
        )
    for problem in done.problems[:_SHOWN]:
        console.print(f"{problem.kind}: {problem.path!r}: {problem.reason_in(as_option)}")
    if done.failures is not None:
        console.print(problems_in(len(done.problems), done.failures))
    if done.clips and not done.has_splits and len(done.signers) >= _FEWEST_SIGNERS:
        console.print(
            f"No clip has a split; there are {len(done.signers):,} signers. To assign whole signers: "
            f"masa-convert split {done.out} --by signer"
        )
    console.print(
        f"Wrote {done.out}. Next: masa-inspect {done.out}"
        if done.clips
        else f"No clip could be imported; {done.out} was not written."
    )

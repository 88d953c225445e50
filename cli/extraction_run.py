"""What masa-extract prints before, during and after extraction."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table

from masa_data.corpora.clip import Clip, Listing, Problem
from masa_data.extraction.job import missing_line
from masa_data.extraction.plan import ExtractionPlan
from masa_data.extraction.summary import ClipOutcome, ExtractionSummary
from masa_data.extraction.watching import BarWatcher
from masa_data.texts import counted

from .console import as_option

# The number of problems that are printed; the file of failures has all of them.
_SHOWN = 10


class ShownExtraction(BarWatcher):
    """Shows a bar, and with `verbose` a line for every clip and problem."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        super().__init__(console)
        self._verbose = verbose

    def clip_done(self, outcome: ClipOutcome) -> None:
        """Print the clip's length if verbose, and advance the bar."""
        if self._verbose and outcome.track is not None:
            self.console.print(f"{outcome.clip.id}: {counted(len(outcome.track), 'frame')}")
        super().clip_done(outcome)

    def problem(self, problem: Problem) -> None:
        """Print the problem if verbose."""
        if self._verbose:
            self.console.print(f"{problem.kind}: {problem.path!r}: {problem.reason_in(as_option)}")


def print_plan(console: Console, plan: ExtractionPlan) -> None:
    """Print the number of clips, and which estimator will extract them."""
    listing, choice = plan.listing, plan.choice
    ignored = ", ".join(
        f"{ending or 'no ending'} ×{count}" for ending, count in listing.ignored.most_common()
    )
    glosses = {clip.gloss for clip in listing.clips if clip.gloss}
    console.print(
        counted(len(listing.clips), "clip")
        + (f" of {counted(len(glosses), 'gloss', 'glosses')}" if glosses else "")
        + (f"; {listing.missing:,} more are in the lists but not on disk" if listing.missing else "")
        + (f"; ignored files: {ignored}" if ignored else "")
    )
    version = plan.provenance.estimator.version
    console.print(f"Estimator: {choice.name} {version} on {choice.device} ({choice.reason})")
    if choice.person:
        console.print(f"Signer: {choice.person}")


def print_dry_run(console: Console, listing: Listing, out: Path) -> None:
    """Print the first clips, and the problems of the inputs."""
    for clip in listing.clips[:20]:
        console.print(f"  {_describe(clip)}")
    if len(listing.clips) > 20:
        console.print(f"  … and {len(listing.clips) - 20:,} more")
    for problem in listing.problems:
        advice = problem.advice_in(as_option)
        console.print(f"{problem.kind}: {problem.path!r}: {problem.reason_in(as_option)}. {advice}")
    if listing.missing:
        console.print(missing_line(listing))
    console.print(f"Dry run: {out} was not written.")


def _describe(clip: Clip) -> str:
    facts = [clip.gloss and f"gloss {clip.gloss}", clip.split, clip.signer and f"signer {clip.signer}"]
    return f"{clip.id}: {clip.path!r} {', '.join(filter(None, facts))}".rstrip()


def print_end(console: Console, plan: ExtractionPlan, summary: ExtractionSummary) -> None:
    """Print the table of results, the last problems, and the next command."""
    out = summary.out
    console.print(_table(summary))
    for problem in summary.problems[-_SHOWN:]:
        console.print(f"{problem.kind}: {problem.path!r}: {problem.reason_in(as_option)}")
    if summary.failures is not None:
        console.print(problems_in(len(summary.problems), summary.failures))
    if summary.missing:
        console.print(missing_line(plan.listing))
    if summary.is_written:
        done = f"Wrote {out}." if summary.done else f"{out} is unchanged: all clips were extracted before."
        console.print(f"{done} Next: masa-inspect {shlex.quote(str(out))}")
    else:
        console.print(f"No clip could be extracted; {out} was not written.")
    warn_of_empty_splits(console, out, summary.empty_splits)


def _table(summary: ExtractionSummary) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("clips done", f"{summary.done:,}")
    table.add_row("clips skipped (done before)", f"{summary.skipped:,}")
    table.add_row("clips failed", f"{summary.failed:,}")
    if summary.missing:
        table.add_row("clips in the lists, not on disk", f"{summary.missing:,}")
    table.add_row("frames", f"{summary.frames:,}")
    table.add_row("frames/s", f"{summary.frames_per_second:.1f}")
    if summary.frames:
        table.add_row("left hand found", f"{summary.left_hand / summary.frames:.0%} of frames")
        table.add_row("right hand found", f"{summary.right_hand / summary.frames:.0%} of frames")
        table.add_row("mean confidence", f"{summary.confidence / summary.frames:.2f}")
    for what, cases in (("frame range", summary.ranges), ("box", summary.crops)):
        if set(cases) - {"whole"}:
            table.add_row(f"{what} of the corpus", ", ".join(f"{k} {v:,}" for k, v in cases.items()))
    if summary.several_people:
        table.add_row("clips with several people", f"{summary.several_people:,}")
    if summary.clamped:
        table.add_row("keypoints far outside the frame", f"{summary.clamped:,}")
    return table


def problems_in(count: int, failures: Path) -> str:
    """A line with the number of problems and the file that lists them."""
    return f"{counted(count, 'problem')}; see {failures} for suggested fixes"


def warn_of_empty_splits(console: Console, out: Path, empty: list[str]) -> None:
    """Print that a split has no clip; without this, users would notice only when training needs the split."""
    if empty:
        console.print(
            f"No clip is in {' or '.join(empty)}: the glosses have few clips, and the first clip of a gloss "
            "is assigned to train. Add clips, or split again: masa-convert split "
            f"{shlex.quote(str(out))} --again --by random --seed 1 (or --by signer)."
        )

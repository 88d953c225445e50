"""masa-convert relabel, split and join-glosses: change labels and splits of a finished file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from masa_data.corpora.named import CORPORA, CorpusName, list_corpus
from masa_data.editing.relabel import deal_splits, relabel, write_relabeled
from masa_data.editing.rewrite import rewrite
from masa_data.editing.same_signs import JOINED, join_signs, read_same_signs
from masa_data.shards.reader import PoseShards
from masa_data.texts import counted
from masa_data.tracks.provenance import SplitRule

from .console import errors_in_one_line, make_console
from .extraction_run import warn_of_empty_splits

_SHOWN = 10

_FILE = click.argument("file", metavar="OUT.h5", type=click.Path(path_type=Path))


@click.command("relabel")
@_FILE
@click.option("--corpus", required=True, type=click.Choice(CORPORA), help="The corpus whose lists to use.")
@click.option("--root", required=True, type=click.Path(path_type=Path), help="The folder of the corpus.")
@click.option("--annotations", type=click.Path(path_type=Path), help="Its lists, if they are not in ROOT.")
@click.option("--dry-run", is_flag=True, help="Print what would change; write nothing.")
def relabel_file(file: Path, corpus: CorpusName, root: Path, annotations: Path | None, dry_run: bool) -> None:
    """Set corpus, gloss, label, split and signer of the clips of a file from the lists of a corpus.

    Clips are matched by their ids. Clips that are not in the lists do not change. Keypoints do not change,
    and no video is needed.
    """
    console = make_console()
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        listing = list_corpus(corpus, root, annotations)
        infos = [tracks.info(number) for number in range(len(tracks))]
        done = relabel(infos, [row.clip for row in listing.rows])
        for problem in listing.problems:
            if problem.kind == "failed":
                console.print(f"ignored: {problem.reason}")
        named = len(infos) - len(done.unknown) - len(done.contested)
        console.print(f"{named:,} of {len(infos):,} clips are in the lists; {done.changed:,} change")
        for ids, what in (
            (done.unknown, "are not in the lists and are left unchanged"),
            (done.contested, "are ambiguous (several clips match one list entry) and are left unchanged"),
        ):
            if ids:
                more = ", …" if len(ids) > 10 else ""
                console.print(f"{len(ids):,} {what}: {', '.join(ids[:10])}{more}")
        console.print(f"{done.absent:,} clips of the lists are not in {file}")
        if dry_run or not done.changed:
            console.print(f"{file} is unchanged.")
            return
        write_relabeled(tracks, done)
    console.print(f"Wrote {file}. Next: masa-inspect {file}")


@click.command("split")
@_FILE
@click.option(
    "--by",
    type=click.Choice(["random", "signer"]),
    required=True,
    help="random: assign the clips of each gloss; signer: assign whole signers, each to one split.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
@click.option("--again", is_flag=True, help="Assign all clips again, including those that have a split.")
def split_file(file: Path, by: Literal["random", "signer"], seed: int, again: bool) -> None:
    """Assign the clips that have no split to train, val and test, 70/10/20."""
    console = make_console()
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        dealt, empty = deal_splits(tracks, SplitRule(by=by, seed=seed), again=again)
    if not dealt:
        console.print(
            f"Every clip has a split already; {file} is unchanged. Use --again to assign all clips again."
        )
        return
    console.print(f"Assigned {counted(dealt, 'clip')} to splits. Wrote {file}. Next: masa-inspect {file}")
    warn_of_empty_splits(console, file, empty)


@click.command("join-glosses")
@_FILE
@click.argument("table", metavar="TABLE.csv", type=click.Path(path_type=Path))
@click.option(
    "--corpus", default=JOINED, show_default=True, help="Name that the joined classes get as their corpus."
)
@click.option("--dry-run", is_flag=True, help="Print what would change; write nothing.")
def join_glosses(file: Path, table: Path, corpus: str, dry_run: bool) -> None:
    """Make one class of glosses that mean the same in several corpora, for fine-tuning and evaluation.

    TABLE.csv has the columns corpus,gloss,sign: glosses with the same sign become one class. Other clips do
    not change. Keypoints do not change.
    """
    console = make_console()
    with errors_in_one_line("masa-convert"):
        signs = read_same_signs(table)
        with PoseShards.open(file) as tracks:
            infos = [tracks.info(number) for number in range(len(tracks))]
            joined = join_signs(infos, signs, corpus)
            named = {(info.corpus, info.gloss) for info in infos}
            changed = sum(new != old for new, old in zip(joined, infos, strict=True))
            classes = counted(len({signs[key] for key in signs if key in named}), "class", "classes")
            console.print(f"{counted(changed, 'clip')} of {len(infos):,} change; {classes} of {corpus!r}")
            if unknown := [f"{gloss!r} of {name}" for name, gloss in signs if (name, gloss) not in named]:
                more = ", …" if len(unknown) > _SHOWN else ""
                what = counted(len(unknown), "row names", "rows name")
                console.print(f"{what} a gloss that no clip has: {', '.join(unknown[:_SHOWN])}{more}")
            if dry_run or not changed:
                console.print(f"{file} is unchanged.")
                return
            rewrite(tracks, joined, tracks.provenance)
    console.print(f"Wrote {file}. Next: masa-inspect {file}")

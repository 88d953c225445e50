"""masa-eval: how right a recogniser is."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from masa_data.errors import DataError
from masa_data.version import VERSION

from .console import CONTEXT, errors_in_one_line, make_console

if TYPE_CHECKING:
    import torch

    from masa_model.evaluate import Evaluation, Scores
    from masa_model.paper import PaperRow
    from masa_model.recogniser import TrainedClassifier
    from masa_model.training.labelled import LabelledClips

_EXAMPLES = """
\b
Examples:
  masa-eval --split test                          the newest run of masa-finetune, on its own files
  masa-eval --run runs/finetune-001 --views 5     five windows of each clip, averaged
  masa-eval --data other.h5 --scores ours.npz     other files; every score kept
  masa-eval --fuse rgb_val.npz --fuse rgb_test.npz        with another model's scores
  masa-eval --noise 5 10 15 20                    as in the paper's Table XIII
"""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is evaluated."""

    recogniser: TrainedClassifier
    files: tuple[Path, ...]
    splits: tuple[str, ...]
    subset: str | None
    views: int
    force: bool
    device: torch.device


@click.command(context_settings=CONTEXT, epilog=_EXAMPLES)
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="A run, or a checkpoint [default: the newest]."
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=("test",),
    show_default=True,
    type=click.Choice(["train", "val", "test", "none"]),
    help="Clips of this split; may be repeated.",
)
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file of pose tracks; may be repeated [default: those of the run].",
)
@click.option("--subset", help="Only these labels [default: as in the run].")
@click.option("--views", type=click.IntRange(min=1), default=1, show_default=True, help="Windows a clip.")
@click.option("--scores", type=click.Path(path_type=Path), help="Write every probability to this npz file.")
@click.option(
    "--fuse",
    multiple=True,
    type=click.Path(path_type=Path),
    help="npz files of another model's scores, of these clips and, for the weight, of val's.",
)
@click.option(
    "--weight", type=click.FloatRange(0, 1), help="Share of the other model [default: tuned on val]."
)
@click.option("--noise", multiple=True, type=click.FloatRange(min=0), help="σ of noise on the keypoints.")
@click.argument("more_noise", metavar="", nargs=-1, type=click.FloatRange(min=0))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--table", type=click.Choice(["markdown", "latex"]), help="Print a row for a paper's table.")
@click.option("--force", is_flag=True, help="Count clips that were trained on, or of another estimator.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 …")
@click.version_option(VERSION)
def main(
    run_path: Path | None,
    splits: tuple[str, ...],
    files: tuple[Path, ...],
    subset: str | None,
    views: int,
    scores: Path | None,
    fuse: tuple[Path, ...],
    weight: float | None,
    noise: tuple[float, ...],
    more_noise: tuple[float, ...],
    as_json: bool,
    table: str | None,
    force: bool,
    device: str,
) -> None:
    """Evaluate a recogniser: top-1, 2 and 5 over clips (P-I) and over classes (P-C), in percent."""
    with errors_in_one_line("masa-eval"):
        if more_noise and not noise:
            raise DataError(f"found {more_noise[0]:g}, expected an option", "Name files with --data")
        from masa_model.evaluate import evaluate, open_test_data, score
        from masa_model.recogniser import load_classifier
        from masa_model.training.processes import joined_processes
        from masa_model.training.run_folder import RunFolder

        with joined_processes(device) as processes:
            run = run_path or RunFolder.newest("finetune").path
            recogniser = load_classifier(run, processes.device)
            paths = files or _files_of(recogniser.path)
            asked = _Question(
                recogniser,
                paths,
                splits,
                subset or recogniser.settings.data.subset,
                views,
                force,
                processes.device,
            )
            data = open_test_data(recogniser, paths, splits, asked.subset, force=force)
            found = score(recogniser, data, processes.device, views=views)
            console = make_console(quiet=not processes.first)
            weight = _weight(asked, fuse, weight) if fuse else None
            if weight is not None:
                found = _fused(found, fuse, weight)
            if scores is not None and processes.first:
                found.save(scores)
            evaluation = evaluate(found, data.clips)
            levels = {
                level: evaluate(
                    score(recogniser, data, processes.device, views=views, noise=level), data.clips
                )
                for level in (*noise, *more_noise)
            }
            said = _draw(asked, found, weight) if processes.first else ""
            if as_json:
                console.print(_as_json(asked, evaluation, weight, levels))
            elif table is not None:
                console.print(_row(asked, evaluation, latex=table == "latex"))
            else:
                _print(console, asked, data, evaluation, weight, levels)
                if scores is not None:
                    console.print(f"Wrote {scores}.")
                console.print(said)
                console.print(f"Next: {shlex.join(['masa-predict', '--run', str(run), 'clip.mp4'])}")


def _draw(asked: _Question, found: Scores, weight: float | None) -> str:
    """The matrix of what is taken for what; a line about it."""
    from masa_model.pictures.of_runs import draw_evaluation

    of = asked.subset or ", ".join(path.name for path in asked.files)
    if weight is not None:
        of += f", fused with weight {weight:g}"
    return draw_evaluation(asked.recogniser, found, asked.splits, of)


def _files_of(checkpoint: Path) -> tuple[Path, ...]:
    """The files that a run was trained from."""
    from masa_model.training.run_folder import RunFolder

    folder = RunFolder(checkpoint.parent.parent)
    if not (folder.path / "data.json").exists():
        raise DataError(f"{checkpoint} lies in no run's folder", "Name files with --data")
    return tuple(Path(file) for file in folder.read_json("data.json")["files"])


def _weight(asked: _Question, fuse: tuple[Path, ...], weight: float | None) -> float:
    """The one said, or the best on val: never on the clips that are evaluated."""
    if weight is not None:
        return weight
    from masa_model.evaluate import open_test_data, score
    from masa_model.fusion import read_scores, tune_weight

    if "val" in asked.splits:
        raise DataError("the weight is tuned on val, which is evaluated here", "Say it with --weight")
    try:
        val = open_test_data(asked.recogniser, asked.files, ("val",), asked.subset, force=asked.force)
        ours = score(asked.recogniser, val, asked.device, views=asked.views)
        others = read_scores(fuse, ours.ids, ours.glosses)
    except DataError as error:
        raise DataError(
            f"the weight cannot be tuned on val: {error.reason}", "Say it with --weight"
        ) from None
    return tune_weight(ours, others)


def _fused(found: Scores, fuse: tuple[Path, ...], weight: float) -> Scores:
    from dataclasses import replace

    from masa_model.fusion import fused, read_scores

    others = read_scores(fuse, found.ids, found.glosses)
    return replace(found, probabilities=fused(found.probabilities, others, weight))


def _paper_row(asked: _Question, name: str | None = None) -> PaperRow | None:
    from masa_model.paper import PAPER, paper_row

    if name is not None:
        return PAPER.get(name)
    corpora = {corpus for corpus, _ in asked.recogniser.classes.pairs}
    if len(corpora) > 1:
        return None
    return paper_row(asked.subset, corpora.pop(), len(asked.recogniser.classes))


def _print(
    console: Console,
    asked: _Question,
    data: LabelledClips,
    evaluation: Evaluation,
    weight: float | None,
    levels: dict[float, Evaluation],
) -> None:
    total = evaluation.total
    step = asked.recogniser.header
    console.print(
        f"{asked.recogniser.path} ({step.step:,} of {step.steps:,} steps) on {len(data):,} clips "
        f"of {total.classes:,} classes: {', '.join(asked.splits)}"
    )
    if total.absent:
        console.print(f"{total.absent:,} classes have no clip here; they count nowhere.")
    if total.unknown:
        console.print(f"{total.unknown:,} clips are of classes that it does not know: wrong by definition.")
    if weight is not None:
        console.print(f"Fused with {weight:.0%} of the other model.")
    table = _table("%", "P-I", "95 %", "P-C", "95 %")
    for name, of in {"": total, **evaluation.variants}.items():
        for k, value in of.per_instance.items():
            by_class = of.per_class[k]
            table.add_row(
                f"{name} top-{k}".strip(),
                f"{100 * value.value:.2f}",
                f"{100 * value.low:.1f}–{100 * value.high:.1f}",
                f"{100 * by_class.value:.2f}",
                f"{100 * by_class.low:.1f}–{100 * by_class.high:.1f}",
            )
        row = _paper_row(asked, name or None)
        for k in row.per_instance if row else ():
            assert row is not None
            by_class_text = f"{row.per_class[k]:.2f}" if k in row.per_class else ""
            table.add_row(
                f"{name} top-{k}, paper".strip(), f"{row.per_instance[k]:.2f}", "", by_class_text, ""
            )
    console.print(table)
    for level, noisy in levels.items():
        instance, of_class = noisy.total.per_instance[1].value, noisy.total.per_class[1].value
        text = f"noise {level:g}: top-1 {100 * instance:.2f} P-I, {100 * of_class:.2f} P-C"
        row = _paper_row(asked)
        if row is not None and level in row.noise:
            text += " (paper {:.2f}, {:.2f})".format(*row.noise[level])
        console.print(text)
    if evaluation.confused:
        table = _table("most confused", "taken for", "clips")
        for true, guessed, count in evaluation.confused:
            table.add_row(true, guessed, str(count))
        console.print(table)
    for heading, parts in (("signer", evaluation.by_signer), ("length", evaluation.by_length)):
        if parts:
            table = _table(heading, "top-1 %", "clips")
            for name, (share, clips) in parts.items():
                table.add_row(name, f"{100 * share:.1f}", f"{clips:,}")
            console.print(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place and heading != "taken for" else "left")
    return table


def _as_json(
    asked: _Question, evaluation: Evaluation, weight: float | None, levels: dict[float, Evaluation]
) -> str:
    row = _paper_row(asked)
    values: dict[str, Any] = {
        "run": str(asked.recogniser.path),
        "files": [str(path) for path in asked.files],
        "splits": asked.splits,
        "subset": asked.subset,
        "views": asked.views,
        "weight": weight,
        **asdict(evaluation),
        "noise": {f"{level:g}": asdict(found.total) for level, found in levels.items()},
        "paper": asdict(row) if row else None,
    }
    return json.dumps(values, indent=2, ensure_ascii=False)


def _row(asked: _Question, evaluation: Evaluation, *, latex: bool) -> str:
    """Headings and a row; the paper's under it where it has one."""
    parts = {"": evaluation.total, **evaluation.variants}
    headings, ours, paper = ["%"], ["ours"], ["MASA, paper"]
    for name, of in parts.items():
        row = _paper_row(asked, name or None)
        for kind, values, theirs in (
            ("P-I", of.per_instance, row.per_instance if row else {}),
            ("P-C", of.per_class, row.per_class if row else {}),
        ):
            for k, accuracy in values.items():
                headings.append(f"{name} {kind} top-{k}".strip())
                ours.append(f"{100 * accuracy.value:.2f}")
                paper.append(f"{theirs[k]:.2f}" if k in theirs else "–")
    rows = [headings, ours, *([paper] if _paper_row(asked) else [])]
    if latex:
        return "\n".join(" & ".join(row).replace("%", r"\%").replace("–", "--") + r" \\" for row in rows)
    rows.insert(1, ["---"] * len(headings))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()

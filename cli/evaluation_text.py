"""The output of masa-eval: tables to read, JSON for scripts, a table row for a paper."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from masa_data.texts import counted

if TYPE_CHECKING:
    import torch

    from masa_model.evaluation.evaluate import Evaluation
    from masa_model.evaluation.paper import PaperRow
    from masa_model.inputs.labeled import LabeledClips
    from masa_model.training.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Question:
    """What is evaluated: the recognizer, the clips and how they are evaluated."""

    recognizer: Recognizer
    files: tuple[Path, ...]
    splits: tuple[str, ...]
    subset: str | None
    views: int
    force: bool
    device: torch.device


def _paper_row(asked: Question, name: str | None = None) -> PaperRow | None:
    from masa_model.evaluation.paper import PAPER, paper_row

    if name is not None:
        return PAPER.get(name)
    corpora = {corpus for corpus, _ in asked.recognizer.classes.pairs}
    if len(corpora) > 1:
        return None
    return paper_row(asked.subset, corpora.pop(), len(asked.recognizer.classes))


def print_evaluation(
    console: Console,
    asked: Question,
    data: LabeledClips,
    evaluation: Evaluation,
    weight: float | None,
    levels: dict[float, Evaluation],
) -> None:
    """Print tables: accuracies and those of the paper, noise, confusions, signers and lengths."""
    total = evaluation.total
    step = asked.recognizer.header
    steps = f"{step.step:,} of {counted(step.steps, 'step')}"
    console.print(
        f"{asked.recognizer.path} ({steps}) on {counted(len(data), 'clip')} "
        f"of {counted(total.classes, 'class', 'classes')}: {', '.join(asked.splits)}"
    )
    if total.absent:
        console.print(f"Classes without a clip, excluded from P-C: {total.absent:,}")
    if total.unknown:
        console.print(
            f"Clips of classes that the recognizer does not know, counted as wrong: {total.unknown:,}"
        )
    if asked.recognizer.pretrained_on is None:
        console.print(
            "It is not known whether pre-training used these clips: an earlier version wrote the checkpoint."
        )
    for note in data.clips.class_notes():
        console.print(f"note: {note}")
    if weight is not None:
        console.print(f"Scores are fused: weight of the other model {weight:.0%}.")
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
    console.print(
        f"Expected calibration error: {100 * evaluation.calibration_error:.1f} % "
        f"(temperature {asked.recognizer.header.temperature:.2f})"
    )
    row = _paper_row(asked)
    for level, noisy in levels.items():
        instance, of_class = noisy.total.per_instance[1].value, noisy.total.per_class[1].value
        text = f"noise {level:g}: top-1 {100 * instance:.2f} P-I, {100 * of_class:.2f} P-C"
        if row is not None and level in row.noise:
            text += " (paper {:.2f}, {:.2f})".format(*row.noise[level])
        console.print(text)
    if evaluation.confused:
        table = _table("most confused", "predicted as", "clips")
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
        table.add_column(heading, justify="right" if place and heading != "predicted as" else "left")
    return table


def json_of(
    asked: Question, evaluation: Evaluation, weight: float | None, levels: dict[float, Evaluation]
) -> dict[str, Any]:
    """All results, and the options of the evaluation, as values for JSON."""
    row = _paper_row(asked)
    values: dict[str, Any] = {
        "run": str(asked.recognizer.path),
        "files": [str(path) for path in asked.files],
        "splits": asked.splits,
        "subset": asked.subset,
        "views": asked.views,
        "weight": weight,
        "pretraining_clips_known": asked.recognizer.pretrained_on is not None,
        **asdict(evaluation),
        "noise": {f"{level:g}": asdict(found.total) for level, found in levels.items()},
        "paper": asdict(row) if row else None,
    }
    return values


def row_of(asked: Question, evaluation: Evaluation, *, latex: bool) -> str:
    """A header, the row of this result, and the row of the paper if it has one."""
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

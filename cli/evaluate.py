"""masa-eval: measure the accuracy of a recognizer."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.version import VERSION

from .console import (
    CONTEXT,
    Command,
    errors_in_one_line,
    make_console,
    note_old_spelling,
    print_json,
    refuse_options,
)
from .evaluation_text import Question, json_of, print_evaluation, row_of
from .training_run import newest_run

if TYPE_CHECKING:
    from masa_model.evaluation.evaluate import Evaluation, Scores

_EXAMPLES = """
\b
Examples:
  masa-eval --split test                          the newest run of masa-finetune, on its own files
  masa-eval --run runs/finetune-001 --views 5     average over five windows of each clip
  masa-eval other.h5 --scores ours.npz            other files; save all scores
  masa-eval --fuse rgb_val.npz --fuse rgb_test.npz        fuse with another model's scores
  masa-eval --noise 5 10 15 20                    with noise, as in Table XIII of the paper
"""


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("named", metavar="[OUT.h5]...", nargs=-1)
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    help="A run folder, or a checkpoint [default: the newest run].",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=("test",),
    show_default=True,
    type=click.Choice(["train", "val", "test", "none"]),
    help="Evaluate clips of this split; may be repeated.",
)
@click.option("--data", multiple=True, type=click.Path(path_type=Path), hidden=True)
@click.option("--subset", help="Evaluate only the classes of this subset [default: the run's subset].")
@click.option(
    "--views", type=click.IntRange(min=1), default=1, show_default=True, help="Number of windows per clip."
)
@click.option("--scores", type=click.Path(path_type=Path), help="Write every probability to this npz file.")
@click.option(
    "--fuse",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Fuse with another model's scores in this npz file; repeat the option to add its scores of split "
    "val, which tune the weight.",
)
@click.option(
    "--weight",
    type=click.FloatRange(0, 1),
    help="Weight of the other model's scores [default: tuned on val].",
)
@click.option(
    "--noise",
    multiple=True,
    type=click.FloatRange(min=0),
    help="Standard deviation of noise added to the keypoints.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--table", type=click.Choice(["markdown", "latex"]), help="Print one table row for a paper.")
@click.option(
    "--force",
    is_flag=True,
    help="Also evaluate clips that were used for training, and clips of another estimator.",
)
@click.option("--device", default="auto", show_default=True, help="Device: auto, cpu, cuda, cuda:1, …")
@click.version_option(VERSION)
def main(
    named: tuple[str, ...],
    run_path: Path | None,
    splits: tuple[str, ...],
    data: tuple[Path, ...],
    subset: str | None,
    views: int,
    scores: Path | None,
    fuse: tuple[Path, ...],
    weight: float | None,
    noise: tuple[float, ...],
    as_json: bool,
    table: str | None,
    force: bool,
    device: str,
) -> None:
    """Evaluate a recognizer: top-1, top-2 and top-5 accuracy, in percent.

    Accuracy is given per instance (P-I) and per class (P-C). Without OUT.h5, the files that the run was
    trained on are used.
    """
    with errors_in_one_line("masa-eval"):
        files, more_noise = _files_and_levels(named, noise)
        if data:
            note_old_spelling(f"--data {data[0]}", f"{data[0]}, without --data")
            files = (*files, *data)
        if not fuse:
            refuse_options("without --fuse", "weight")
        if as_json:
            refuse_options("with --json", "table")
        from masa_model.evaluation.evaluate import evaluate, open_test_data, score
        from masa_model.training.processes import joined_processes
        from masa_model.training.recognizer import Recognizer

        with joined_processes(device) as processes:
            run = run_path or newest_run(make_console(stderr=True), "finetune").path
            recognizer = Recognizer.load(run, processes.device)
            paths = files or _files_of(recognizer.path)
            asked = Question(
                recognizer,
                paths,
                splits,
                subset or recognizer.settings.data.subset,
                views,
                force,
                processes.device,
            )
            clips = open_test_data(recognizer, paths, splits, asked.subset, force=force)
            found = score(recognizer, clips, processes.device, views=views)
            console = make_console(quiet=not processes.first)
            weight = _weight(asked, fuse, weight) if fuse else None
            if weight is not None:
                found = _fused(found, fuse, weight)
            if scores is not None and processes.first:
                found.save(scores)
            evaluation = evaluate(found, clips.clips)
            levels = {
                level: evaluate(
                    score(recognizer, clips, processes.device, views=views, noise=level), clips.clips
                )
                for level in (*noise, *more_noise)
            }
            said = _keep(asked, found, evaluation, weight, levels) if processes.first else []
            if as_json:
                print_json(console, json_of(asked, evaluation, weight, levels))
            elif table is not None:
                console.print(row_of(asked, evaluation, latex=table == "latex"))
            else:
                print_evaluation(console, asked, clips, evaluation, weight, levels)
                if scores is not None:
                    console.print(f"Wrote {scores}.")
                console.print(f"Computed on {processes.described}.")
                for line in said:
                    console.print(line)
                console.print(f"Next: {shlex.join(['masa-predict', '--run', str(run), 'clip.mp4'])}")


def _files_and_levels(
    named: tuple[str, ...], noise: tuple[float, ...]
) -> tuple[tuple[Path, ...], tuple[float, ...]]:
    """The files, and the numbers after the first one in `--noise 5 10 15`."""
    numbers = {text: level for text in named if noise and (level := _level(text)) is not None}
    return tuple(Path(text) for text in named if text not in numbers), tuple(numbers.values())


def _level(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _keep(
    asked: Question,
    found: Scores,
    evaluation: Evaluation,
    weight: float | None,
    levels: dict[float, Evaluation],
) -> list[str]:
    """Write results and the confusion matrix to numbered files in the run folder; returns lines to print."""
    from masa_model.pictures.run_pictures import draw_evaluation
    from masa_model.training.run_folder import RunFolder

    folder = RunFolder(asked.recognizer.path.parent.parent)
    if not (folder.path / "data.json").exists():
        return ["Results are not saved: the checkpoint is not in a run folder."]
    of = asked.subset or ", ".join(path.name for path in asked.files)
    if weight is not None:
        of += f", fused with weight {weight:g}"
    try:
        name = folder.next_evaluation("+".join(asked.splits))
        folder.write_json(f"{name}.json", json_of(asked, evaluation, weight, levels))
        drawn = draw_evaluation(asked.recognizer, found, f"{name}.png", asked.splits, of)
    except OSError as error:  # print the results even if they cannot be saved
        return [f"Results could not be saved in the run folder: {in_words(error)}"]
    return [f"Wrote {folder.path / name}.json.", drawn]


def _files_of(checkpoint: Path) -> tuple[Path, ...]:
    """The files that a run was trained on."""
    from masa_model.training.run_folder import RunFolder

    folder = RunFolder(checkpoint.parent.parent)
    if not (folder.path / "data.json").exists():
        raise DataError(
            f"{checkpoint} is not in a run folder, so its files are not known",
            "Name the files, as in: masa-eval out.h5",
        )
    return folder.files()


def _weight(asked: Question, fuse: tuple[Path, ...], weight: float | None) -> float:
    """The given weight, or the best one on val; it is never tuned on the clips that are evaluated."""
    if weight is not None:
        return weight
    from masa_model.evaluation.evaluate import open_test_data, score
    from masa_model.evaluation.fusion import read_scores, tune_weight

    if "val" in asked.splits:
        raise DataError(
            "the weight cannot be tuned on val, because val is evaluated", "Give it with --weight"
        )
    try:
        val = open_test_data(asked.recognizer, asked.files, ("val",), asked.subset, force=asked.force)
        ours = score(asked.recognizer, val, asked.device, views=asked.views)
        others = read_scores(fuse, ours.ids, ours.glosses, ours.pairs)
    except DataError as error:
        raise DataError(
            f"the weight cannot be tuned on val: {error.reason}", "Give it with --weight"
        ) from None
    return tune_weight(ours, others)


def _fused(found: Scores, fuse: tuple[Path, ...], weight: float) -> Scores:
    from dataclasses import replace

    from masa_model.evaluation.fusion import fused, read_scores

    others = read_scores(fuse, found.ids, found.glosses, found.pairs)
    return replace(found, probabilities=fused(found.probabilities, others, weight))


if __name__ == "__main__":
    main()

"""masa-predict: recognize the signs in videos."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from masa_data.corpora.clip import Problem
from masa_data.corpora.inputs import require_inputs
from masa_data.drawing.overlay import OVERLAY_ENDINGS, write_overlay
from masa_data.errors import DataError
from masa_data.estimators.choice import ESTIMATORS, EstimatorName
from masa_data.shards.reader import PoseShards
from masa_data.version import VERSION

from .console import (
    CONTEXT,
    EXIT_SOME_FAILED,
    Command,
    as_option,
    complain,
    errors_in_one_line,
    json_text,
    make_console,
    refuse_options,
)
from .training_run import newest_run

if TYPE_CHECKING:
    from masa_data.tracks.track import PoseTrack
    from masa_model.training.recognizer import Guess, Recognizer
    from masa_model.training.videos import VideoOptions

_EXAMPLES = """
\b
Examples:
  masa-predict clip.mp4                         the newest run of masa-finetune
  masa-predict videos/ --json                   all videos of a folder and its subfolders
  masa-predict out.h5                           a file that masa-extract wrote
  masa-predict clip.mp4 --threshold 0.5         answer 'unknown' below 50 % probability
  masa-predict clip.mp4 --overlay guess.mp4     draw skeleton and guess over the video
"""
_CLIPS_AT_A_TIME = 64
UNKNOWN = "unknown"
_NO_HANDS = "no hands found"


@click.command(cls=Command, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    help="A run folder, or a checkpoint [default: the newest run].",
)
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Number of guesses per clip."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Answer 'unknown' if the best guess has a lower probability.",
)
@click.option(
    "--estimator",
    type=click.Choice(ESTIMATORS),
    help="The pose estimator [default: the one of the run's training data].",
)
@click.option(
    "--checkpoint", help="mmpose: weights, a file or a URL [default: the weights MMPose publishes]."
)
@click.option(
    "--detector-checkpoint",
    help="mmpose: weights of the person detector, a file or a URL [default: the weights MMPose publishes].",
)
@click.option("--any-estimator", is_flag=True, help="Use keypoints even if they are of another estimator.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of parallel extraction processes [default: one per core].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line per clip.")
@click.option(
    "--overlay",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw skeleton and guess over the clip and write .mp4, .webm, .gif, or a .png of eight frames. The "
    "input must be one clip.",
)
@click.option(
    "--device", default="auto", show_default=True, help="Device of the recognizer: auto, cpu, cuda, …"
)
@click.version_option(VERSION)
def main(
    inputs: tuple[str, ...],
    run_path: Path | None,
    top: int,
    threshold: float,
    estimator: EstimatorName | None,
    checkpoint: str | None,
    detector_checkpoint: str | None,
    any_estimator: bool,
    workers: int | None,
    as_json: bool,
    overlay: Path | None,
    device: str,
) -> None:
    """Recognize the sign in each video, in each video of a folder, or in each clip of a file of pose tracks.

    Exit code 0: all clips were processed; 3: some clips could not be extracted; 2: wrong usage.
    """
    with errors_in_one_line("masa-predict"):
        if overlay is not None and overlay.suffix.lower() not in OVERLAY_ENDINGS:
            raise DataError(
                f"an overlay cannot be written as {overlay.name!r}",
                f"Name a file that ends in one of {', '.join(OVERLAY_ENDINGS)}",
            )
        if _of_tracks(inputs):
            refuse_options(
                "on a file of pose tracks", "estimator", "checkpoint", "detector_checkpoint", "workers"
            )
        require_inputs(inputs)
        from masa_model.training.processes import joined_processes
        from masa_model.training.recognizer import Recognizer
        from masa_model.training.videos import VideoOptions

        console = make_console()
        with joined_processes(device) as processes:
            run = run_path or newest_run(make_console(stderr=True), "finetune").path
            recognizer = Recognizer.load(run, processes.device)
            header = recognizer.header
            problems: list[Problem] = []
            if _of_tracks(inputs):
                opened = _opened(inputs)
            else:
                if (estimator or header.estimator.name) != "mmpose":
                    refuse_options("without MMPose", "checkpoint", "detector_checkpoint")
                options = VideoOptions(
                    estimator, checkpoint, detector_checkpoint, any_estimator, workers, console
                )
                opened = _extracted(inputs, recognizer, options, problems)
            with opened as tracks:
                if not any_estimator:
                    recognizer.check_estimator(tracks.provenance.estimator)
                if overlay is not None and len(tracks) != 1:
                    raise DataError(f"found {len(tracks)} clips, expected one for --overlay", "Name one clip")
                make_console(stderr=True).print(f"The recognizer runs on {processes.described}")
                for track, guesses in _guesses(recognizer, tracks, top, any_estimator):
                    answer = _answer(guesses, threshold)
                    print_line = _json_line if as_json else _line
                    console.print(print_line(track, guesses, answer))
                    if overlay is not None and (note := _draw(track, answer, guesses, overlay)):
                        complain(f"{overlay}: {note}")
        for problem in problems:
            reason, advice = problem.reason_in(as_option), problem.advice_in(as_option)
            complain(f"{problem.kind}: {problem.path!r}: {reason}. {advice}")
        if not as_json:
            where = f"Wrote {overlay}. " if overlay is not None else ""
            command = shlex.join(["masa-export", "--run", str(run), "model.pt2"])
            console.print(f"{where}Next: {command}")
        sys.exit(EXIT_SOME_FAILED if any(problem.kind == "failed" for problem in problems) else 0)


def _of_tracks(inputs: tuple[str, ...]) -> bool:
    """Whether any input is a file of pose tracks."""
    return any(name.lower().endswith((".h5", ".hdf5")) for name in inputs)


@contextmanager
def _opened(inputs: tuple[str, ...]) -> Iterator[PoseShards]:
    if len(inputs) != 1:
        raise DataError(
            f"found {len(inputs)} inputs, one of them a file of pose tracks, which must be the only input",
            "Run the command once for each file of pose tracks, and once for the videos",
        )
    with PoseShards.open(inputs[0]) as tracks:
        yield tracks


@contextmanager
def _extracted(
    inputs: tuple[str, ...], recognizer: Recognizer, options: VideoOptions, problems: list[Problem]
) -> Iterator[PoseShards]:
    """The pose tracks of the videos, in a temporary file."""
    from masa_model.training.videos import extracted_videos

    with extracted_videos(inputs, recognizer.path, recognizer.header, options) as (tracks, found):
        problems += found
        if tracks is None:
            reason = problems[0].reason_in(as_option) if problems else "the inputs have no clip"
            raise DataError(
                f"no clip could be extracted: {reason}", "Run masa-extract on the inputs for details"
            )
        yield tracks


def _guesses(
    recognizer: Recognizer, tracks: PoseShards, top: int, any_estimator: bool
) -> Iterator[tuple[PoseTrack, list[Guess]]]:
    for first in range(0, len(tracks), _CLIPS_AT_A_TIME):
        some = [tracks.track(number) for number in range(first, min(first + _CLIPS_AT_A_TIME, len(tracks)))]
        yield from zip(some, recognizer.predict_all(some, top, any_estimator=any_estimator), strict=True)


def _answer(guesses: list[Guess], threshold: float) -> str | None:
    """The best guess; UNKNOWN if its probability is below the threshold; None if there are no guesses."""
    if not guesses:
        return None
    return guesses[0].gloss if guesses[0].probability >= threshold else UNKNOWN


def _line(track: PoseTrack, guesses: list[Guess], answer: str | None) -> str:
    if answer is None:
        return f"{track.info.id}: {_NO_HANDS}"
    ranked = ", ".join(f"{guess.gloss} {guess.probability:.1%}" for guess in guesses)
    return f"{track.info.id}: " + (f"{UNKNOWN} ({ranked})" if answer == UNKNOWN else ranked)


def _json_line(track: PoseTrack, guesses: list[Guess], answer: str | None) -> str:
    values = [{"gloss": guess.gloss, "probability": round(guess.probability, 6)} for guess in guesses]
    facts = {"clip": track.info.id, "path": track.info.path, "answer": answer, "guesses": values}
    return json_text(facts | ({"problem": _NO_HANDS} if answer is None else {}), sys.stdout.encoding)


def _draw(track: PoseTrack, answer: str | None, guesses: list[Guess], target: Path) -> str:
    source = Path(track.info.path)
    there = source.exists() and source.suffix.lower() not in (".npz", ".json", ".pkl")
    text = _NO_HANDS if answer is None else f"{answer} {guesses[0].probability:.0%}"
    return write_overlay(track, target, source if there else None, text)


if __name__ == "__main__":
    main()

"""The extraction pipeline: clips → frames → estimator → shards."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.ranges import VideosMode
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.estimators.base import Estimator
from masa_data.estimators.choice import EstimatorChoice, load_estimator
from masa_data.extraction.clip import extract_clip
from masa_data.extraction.summary import ClipOutcome
from masa_data.extraction.workers import WorkerDiedError, run_in_workers
from masa_data.shards.builder import DatasetBuilder
from masa_data.tracks.provenance import Sampling
from masa_data.video.container import let_decoder_print

# A message of ffmpeg about damaged data: [h264 @ 0x55…] error while decoding MB 34 14
_DECODER_COMPLAINT: Final = re.compile(r"^\[\w[^\]]* @ 0x[0-9a-f]+\] (.*)$", re.MULTILINE)


class EstimatorUnavailableError(Exception):
    """A worker cannot load the estimator, so no clip can be extracted.

    Attributes:
        error: the reason.
    """

    def __init__(self, error: DataError) -> None:
        super().__init__(error)
        self.error = error


def extract_clips(
    clips: Iterable[Clip],
    builder: DatasetBuilder,
    choice: EstimatorChoice,
    sampling: Sampling,
    workers: int,
    mode: VideosMode = "auto",
) -> Generator[tuple[ClipOutcome, int]]:
    """Extract clips in worker processes and add each to the builder as soon as it is finished.

    Args:
        clips: clips that are not in the builder yet.
        builder: receives the tracks.
        choice: the chosen estimator.
        sampling: selection of the frames.
        workers: number of processes.
        mode: whether files are cut clips or source videos.

    Yields:
        result of each clip, in the order in which they finish, and the number of its clamped keypoints.

    Raises:
        DataError: if the estimator cannot be loaded.
        OSError: if a track cannot be written; earlier ones are safe.
    """
    task = functools.partial(_extract_in_worker, choice=choice, workers=workers, sampling=sampling, mode=mode)
    with closing(run_in_workers(task, clips, workers)) as outcomes:
        for clip, outcome in outcomes:
            if isinstance(outcome, ClipOutcome):
                track = outcome.track
                clamped = builder.add(track, outcome.raw_scores).clamped if track is not None else 0
                yield outcome, clamped
            elif isinstance(outcome, WorkerDiedError):
                error = DataError(
                    f"the worker process died during this clip ({outcome})",
                    "Check whether memory ran out; give fewer {workers}, or convert the file again",
                    workers=...,
                )
                yield ClipOutcome(clip, None, (Problem.of(error, clip.path, clip.id),)), 0
            elif isinstance(outcome, EstimatorUnavailableError):
                raise outcome.error
            else:
                raise outcome


@functools.cache  # one model per worker, loaded at its first clip
def _worker_estimator(choice: EstimatorChoice, workers: int) -> Estimator:
    try:
        return load_estimator(choice, workers)
    except DataError as error:
        raise EstimatorUnavailableError(error) from None
    except Exception as error:  # the same would happen for every clip in every worker
        text = str(error).strip().partition("\n")[0][:200]
        unavailable = DataError(
            f"the estimator {choice.name} cannot be loaded ({type(error).__name__}: {text})",
            "Run masa-doctor, which shows what to install",
        )
        raise EstimatorUnavailableError(unavailable) from None


def _extract_in_worker(
    clip: Clip, choice: EstimatorChoice, workers: int, sampling: Sampling, mode: VideosMode
) -> ClipOutcome:
    let_decoder_print()
    with _captured_stderr() as printed:
        estimator = _worker_estimator(choice, workers)
        try:
            extracted = extract_clip(clip, estimator, sampling, mode)
        except DataError as error:
            return ClipOutcome(clip, None, (Problem.of(error, clip.path, clip.id),))
        except OSError as error:
            return ClipOutcome(clip, None, (Problem.of(in_words(error, ""), clip.path, clip.id),))
        except Exception as error:  # an unexpected error of one clip must not stop the others
            unexpected = DataError(
                f"unexpected {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
                "Convert the file again; if that does not help, report the problem with the file",
            )
            return ClipOutcome(clip, None, (Problem.of(unexpected, clip.path, clip.id),))
    warnings = extracted.warnings
    complaints = _DECODER_COMPLAINT.findall(printed())
    if complaints and not extracted.is_damaged:  # otherwise the damaged frames are already reported
        warnings.append(f"the decoder found damaged data ({complaints[0]}) and replaced it")
    problems = tuple(
        Problem(clip.id, clip.path, "warning", warning, "Check the clip; download it again if necessary")
        for warning in warnings
    )
    return ClipOutcome(
        clip, extracted.track, problems, extracted.range_case, extracted.crop_case, extracted.raw_scores
    )


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """Capture the standard error of native libraries; yields a function that returns it at the end."""
    sys.stderr.flush()
    text = ""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: text
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            text = file.read(1 << 16).decode(errors="replace")

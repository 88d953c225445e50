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

# A line that ffmpeg prints about damaged data: [h264 @ 0x55…] error while decoding MB 34 14
_DECODER_COMPLAINT: Final = re.compile(r"^\[\w[^\]]* @ 0x[0-9a-f]+\] (.*)$", re.MULTILINE)


class EstimatorUnavailableError(Exception):
    """The estimator cannot be loaded in a worker; no clip can be extracted.

    Attributes:
        error: why.
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
    """Extract clips in worker processes and keep each in the builder as soon as it is done.

    Args:
        clips: those that are not in the builder yet.
        builder: takes the tracks.
        choice: which estimator.
        sampling: which frames.
        workers: number of processes.
        mode: whether files are clips cut already or source videos.

    Yields:
        what became of each clip, in the order in which they finish, and how many of
        its keypoints were clamped.

    Raises:
        DataError: if the estimator cannot be loaded.
        OSError: if a track cannot be written; those before are safe.
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
                    f"the worker died at this clip ({outcome})",
                    "Look whether memory ran out; give fewer {workers}, or convert the file again",
                    workers=...,
                )
                yield ClipOutcome(clip, None, (Problem.of(error, clip.path, clip.id),)), 0
            elif isinstance(outcome, EstimatorUnavailableError):
                raise outcome.error
            else:
                raise outcome


@functools.cache  # one model a worker, loaded at its first clip
def _worker_estimator(choice: EstimatorChoice, workers: int) -> Estimator:
    try:
        return load_estimator(choice, workers)
    except DataError as error:
        raise EstimatorUnavailableError(error) from None
    except Exception as error:  # every worker would fail at every clip
        text = str(error).strip().partition("\n")[0][:200]
        unavailable = DataError(
            f"the estimator {choice.name} cannot be loaded ({type(error).__name__}: {text})",
            "Run masa-doctor, which says what to install",
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
        except Exception as error:  # one clip's surprise must not end the others
            unexpected = DataError(
                f"unexpected {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
                "Convert the file again; if that does not help, report it with the file",
            )
            return ClipOutcome(clip, None, (Problem.of(unexpected, clip.path, clip.id),))
    warnings = extracted.warnings
    complaints = _DECODER_COMPLAINT.findall(printed())
    if complaints and not extracted.is_damaged:  # which frames were damaged is said already
        warnings.append(f"the decoder met damaged data ({complaints[0]}) and made up for it")
    problems = tuple(
        Problem(clip.id, clip.path, "warning", warning, "Look at the clip; fetch it again if it matters")
        for warning in warnings
    )
    return ClipOutcome(
        clip, extracted.track, problems, extracted.range_case, extracted.crop_case, extracted.raw_scores
    )


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """Catch what native libraries print to standard error; yields a function that returns it at the end."""
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

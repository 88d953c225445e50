"""The extraction pipeline: clips → frames → estimator → shards."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Final

from masa_data.analysis.quality import hands_found
from masa_data.corpora.clip import Clip, Problem
from masa_data.corpora.ranges import RangeCase, VideosMode
from masa_data.disk.os_errors import in_words
from masa_data.errors import DataError
from masa_data.estimators.base import Estimator
from masa_data.estimators.choice import EstimatorChoice, load_estimator
from masa_data.extraction.clip import extract_clip
from masa_data.extraction.workers import WorkerDiedError, run_in_workers
from masa_data.shards.builder import DatasetBuilder
from masa_data.tracks.box import CropCase
from masa_data.tracks.provenance import Sampling
from masa_data.tracks.track import PoseTrack
from masa_data.video.container import let_decoder_print

# A line that ffmpeg prints about damaged data: [h264 @ 0x55…] error while decoding MB 34 14
_DECODER_COMPLAINT: Final = re.compile(r"^\[\w[^\]]* @ 0x[0-9a-f]+\] (.*)$", re.MULTILINE)


class EstimatorUnavailableError(Exception):
    """The estimator cannot be loaded in a worker; no clip can be extracted."""


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """What became of one clip.

    Attributes:
        clip: the clip.
        track: its keypoints; None if it failed.
        problems: a failure, or warnings about a clip that was kept.
        range_case: how the corpus's frame range was read.
        crop_case: how the corpus's box was read.
        raw_scores: the lowest and the highest score that the confidence was made from; None if not known.
    """

    clip: Clip
    track: PoseTrack | None
    problems: tuple[Problem, ...] = ()
    range_case: RangeCase = "whole"
    crop_case: CropCase = "whole"
    raw_scores: tuple[float, float] | None = None


@dataclass(slots=True)
class Summary:
    """Counts over an extraction, for the table at its end.

    Attributes:
        done: clips extracted.
        failed: clips and inputs that failed.
        frames: frames kept.
        left_hand: frames in which the left hand was found.
        right_hand: frames in which the right hand was found.
        confidence: sum over frames of the mean confidence of the 49 keypoints.
        clamped: keypoints dropped because they lay more than a frame outside.
        ranges: clips by how the corpus's frame range was read.
        crops: clips by how the corpus's box was read.
        several_people: clips in which more people than the signer were seen.
        started: when, on the monotonic clock.
    """

    done: int = 0
    failed: int = 0
    frames: int = 0
    left_hand: int = 0
    right_hand: int = 0
    confidence: float = 0.0
    clamped: int = 0
    ranges: Counter[str] = field(default_factory=Counter)
    crops: Counter[str] = field(default_factory=Counter)
    several_people: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, outcome: ClipOutcome, clamped: int) -> None:
        """Count one clip."""
        if outcome.track is None:
            self.failed += 1
            return
        hands = hands_found(outcome.track.confidence)
        self.done += 1
        self.frames += len(outcome.track)
        self.left_hand += int(hands[:, 0].sum())
        self.right_hand += int(hands[:, 1].sum())
        self.confidence += float(outcome.track.confidence.mean(axis=1).sum())
        self.clamped += clamped
        self.ranges[outcome.range_case] += 1
        self.crops[outcome.crop_case] += 1
        self.several_people += outcome.track.info.several_people

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self.started

    @property
    def frames_per_second(self) -> float:
        """Frames kept per second since the start."""
        return self.frames / max(self.seconds, 1e-9)


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
                    "Look whether memory ran out; give fewer --workers, or convert the file again",
                )
                yield ClipOutcome(clip, None, (Problem.of(error, clip.path, clip.id),)), 0
            elif isinstance(outcome, EstimatorUnavailableError):
                raise DataError(*outcome.args)
            else:
                raise outcome


@functools.cache  # one model a worker, loaded at its first clip
def _worker_estimator(choice: EstimatorChoice, workers: int) -> Estimator:
    try:
        return load_estimator(choice, workers)
    except DataError as error:
        raise EstimatorUnavailableError(error.reason, error.advice) from None
    except Exception as error:  # every worker would fail at every clip
        text = str(error).strip().partition("\n")[0][:200]
        raise EstimatorUnavailableError(
            f"the estimator {choice.name} cannot be loaded ({type(error).__name__}: {text})",
            "Run masa-doctor, which says what to install",
        ) from None


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

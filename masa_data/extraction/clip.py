"""Extraction of one clip: from frames through an estimator to a track."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from masa_data.corpora.clip import Clip
from masa_data.corpora.ranges import RangeCase, VideosMode, range_note, resolve_range
from masa_data.errors import DataError
from masa_data.estimators.base import Estimate, Estimator
from masa_data.tracks.box import CropCase, resolve_box
from masa_data.tracks.provenance import Sampling
from masa_data.tracks.track import ClipInfo, PoseTrack
from masa_data.video.facts import SourceFacts, probe_source
from masa_data.video.frames import Video, source_sha256


@dataclass(frozen=True, slots=True)
class ExtractedClip:
    """The track of a clip, with information on its extraction.

    Attributes:
        track: track of the clip.
        warnings: warnings about the source.
        range_case: how the corpus's frame range was interpreted.
        crop_case: how the corpus's box was interpreted.
        raw_scores: lowest and highest score from which the confidence was computed; None = unknown.
        is_damaged: whether the decoder found damaged data.
    """

    track: PoseTrack
    warnings: list[str]
    range_case: RangeCase
    crop_case: CropCase
    raw_scores: tuple[float, float] | None
    is_damaged: bool


def extract_clip(clip: Clip, estimator: Estimator, sampling: Sampling, mode: VideosMode) -> ExtractedClip:
    """Extract one clip in this process.

    Args:
        clip: the clip.
        estimator: estimator of the keypoints.
        sampling: selection of the frames.
        mode: whether files are cut clips or source videos.

    Raises:
        DataError: if the source cannot be decoded, or has no frame in the clip's range.
        OSError: if it cannot be read.
    """
    video, range_case = _open_range(clip, sampling, mode)
    box = clip.box
    if box is not None and box.unit == "pixel":
        box = box.stretched(*_facts(clip.source).stretch)
    indices: list[int] = []
    times: list[float] = []
    size = (0, 0)

    def images() -> Iterator[NDArray[np.uint8]]:
        nonlocal size
        for frame in video:
            indices.append(frame.index)
            times.append(frame.time)
            size = (frame.image.shape[1], frame.image.shape[0])
            yield frame.image

    estimates: list[Estimate] = list(estimator.estimate(images(), box))
    info = ClipInfo(
        clip.id,
        clip.path,
        clip.corpus,
        clip.gloss,
        clip.label,
        clip.split,
        clip.signer,
        fps=video.fps,
        width=size[0],
        height=size[1],
        start=video.start_found,
        end=video.end_found,
        source_sha256=_cached_sha256(clip.source, clip.source.stat().st_mtime_ns),
        several_people=any(estimate.several_people for estimate in estimates),
    )
    track = PoseTrack.with_missing(
        info,
        np.stack([estimate.keypoints for estimate in estimates]),
        np.stack([estimate.confidence for estimate in estimates]),
        np.array(indices),
        np.array(times),
        np.stack([estimate.box for estimate in estimates]),
    )
    crop_case = resolve_box(box, *size).case
    return ExtractedClip(track, video.warnings, range_case, crop_case, estimator.raw_scores, video.is_damaged)


def _open_range(clip: Clip, sampling: Sampling, mode: VideosMode) -> tuple[Video, RangeCase]:
    """Open the clip's frames, after determining which frames of the source the corpus means."""
    if clip.declared is None:
        case: RangeCase = "whole" if clip.start == 0 and clip.end is None else "raw"
        return Video(clip.source, clip.start, clip.end, sampling), case
    facts = _facts(clip.source)
    found = resolve_range(clip.declared, facts.fps, facts.frames, mode, clip.already_cut, facts.times)
    note = range_note(found, facts.frames)
    if found.case == "empty":
        raise DataError(note or "no frame is in the clip's range", "Check whether it is the right video")
    if found.seconds is not None:
        video = Video(clip.source, sampling=sampling, seconds=found.seconds)
    elif found.case in ("raw", "clamped"):
        video = Video(clip.source, found.start, found.end, sampling)
    else:  # read to its end, so that a truncated file is detected
        video = Video(clip.source, sampling=sampling)
    if note is not None:
        video.warnings.append(note)
    return video, found.case


def _facts(source: Path) -> SourceFacts:
    return _cached_facts(source, source.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)  # clips of one long recording are often consecutive
def _cached_facts(source: Path, changed_ns: int) -> SourceFacts:
    return probe_source(source)


@functools.lru_cache(maxsize=4)
def _cached_sha256(source: Path, changed_ns: int) -> str:
    return source_sha256(source)

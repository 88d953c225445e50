"""Summary and validation of a dataset: counts, lengths, confidence, missing hands, and errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from masa_data.errors import DataError, Words, in_python
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.tracks.plausible import find_doubt
from masa_data.tracks.skeleton import HAND_MIN_CONFIDENCE, HAND_MIN_KEYPOINTS, LEFT_HAND, PARTS, RIGHT_HAND


def hands_found(confidence: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return in which frames each hand was found: at least 10 of its 21 keypoints have confidence above 0.1.

    Args:
        confidence: (T, 49) in 0..1.

    Returns:
        (T, 2) for the left and the right hand.
    """
    seen = confidence > HAND_MIN_CONFIDENCE
    counts = np.stack([seen[:, LEFT_HAND].sum(axis=1), seen[:, RIGHT_HAND].sum(axis=1)], axis=1)
    return np.asarray(counts >= HAND_MIN_KEYPOINTS)


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """Statistics of a dataset, as `masa-inspect` prints them.

    Attributes:
        clips: number of clips.
        frames: number of kept frames.
        corpora: number of clips by corpus.
        splits: number of clips by corpus and split ("none" for clips without a split).
        classes: number of classes by corpus.
        signers: number of named signers by corpus.
        lengths: minimum, median, 90th percentile and maximum number of frames of a clip.
        sizes: number of clips by frame size, the most frequent size first.
        fps: number of clips by frame rate, rounded to whole frames; "unknown" for folders of images.
        confidence: mean confidence by part, over all frames.
        hands: share of frames with the left hand, the right hand, both hands and no hand found, in 0..1.
        clamped: number of keypoints that were dropped because they were more than one frame size outside.
    """

    clips: int
    frames: int
    corpora: dict[str, int]
    splits: dict[str, dict[str, int]]
    classes: dict[str, int]
    signers: dict[str, int]
    lengths: dict[str, int]
    sizes: dict[str, int]
    fps: dict[str, int]
    confidence: dict[str, float]
    hands: dict[str, float]
    clamped: int


def summarize(tracks: PoseShards) -> DatasetSummary:
    """Read a dataset once and summarize it. Memory use does not grow with the number of frames."""
    corpora = tracks.column("corpus").tolist()
    splits: dict[str, Counter[str]] = defaultdict(Counter)
    signers: dict[str, set[str]] = defaultdict(set)
    for corpus, split, signer in zip(
        corpora,
        tracks.column("split").tolist(),
        tracks.column("signer").tolist(),
        strict=True,
    ):
        splits[corpus][split or "none"] += 1
        if signer:
            signers[corpus].add(signer)
    confidence = np.zeros(len(PARTS))
    hands = np.zeros(4)
    for number in range(len(tracks)):
        values = tracks.track(number).confidence
        confidence += [values[:, part].mean(axis=1).sum() for part in PARTS.values()]
        left, right = hands_found(values).T
        hands += [left.sum(), right.sum(), (left & right).sum(), (~left & ~right).sum()]
    lengths = tracks.lengths
    sizes = Counter(
        f"{width}×{height}"
        for width, height in zip(
            tracks.column("width").tolist(), tracks.column("height").tolist(), strict=True
        )
    )
    rates = Counter("unknown" if np.isnan(fps) else f"{fps:.0f}" for fps in tracks.column("fps").tolist())
    return DatasetSummary(
        clips=len(tracks),
        frames=tracks.frames,
        corpora=dict(Counter(corpora)),
        splits={corpus: dict(counts) for corpus, counts in splits.items()},
        classes=dict(Counter(one.corpus for one in PoseDataset([tracks]).classes()[0])),
        signers={corpus: len(names) for corpus, names in signers.items()},
        lengths={
            "shortest": int(lengths.min()),
            "median": int(np.median(lengths)),
            "90 %": int(np.percentile(lengths, 90)),
            "longest": int(lengths.max()),
        },
        sizes=dict(sizes.most_common()),
        fps=dict(rates.most_common()),
        confidence={
            name: float(value) for name, value in zip(PARTS, confidence / tracks.frames, strict=True)
        },
        hands={
            name: float(value)
            for name, value in zip(("left", "right", "both", "none"), hands / tracks.frames, strict=True)
        },
        clamped=int(tracks.column("clamped").sum()),
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or a suspicious property of a dataset.

    Attributes:
        kind: "error": the data cannot be trusted; "note": should be checked.
        text: what was found, with clip ids.
    """

    kind: str
    text: str


_ONLY_FRAMES: Final = (
    "the file is of version 1, whose checksums cover frames only: changes to ids, glosses, labels, splits, "
    "sizes and rates cannot be detected (`masa-convert compact` writes a file of the current version)"
)


def validate(tracks: PoseShards, words: Words = in_python) -> list[Finding]:
    """Read all data once and check checksums, bounds, frame order, positions, classes and duplicates.

    Args:
        tracks: an open dataset; its structure was checked by opening it.
        words: formats the names of arguments in advice about imports.

    Returns:
        the findings, errors first.
    """
    findings = [
        Finding("error", f"shard {name}: its checksum does not match") for name in tracks.damaged_shards()
    ]
    damaged = tracks.damaged_clips()
    findings += [Finding("error", f"clip {clip_id}: its checksum does not match") for clip_id in damaged]
    left_out = set(damaged)
    if 1 in tracks.versions:
        findings.append(Finding("note", _ONLY_FRAMES))
    clamped = tracks.column("clamped")
    doubtful: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for number, clip_id in enumerate(tracks):
        if clip_id in left_out:
            continue
        try:
            track = tracks.track(number)
        except DataError as error:
            findings.append(Finding("error", error.reason))
            continue
        time = track.time
        if np.isnan(time).any() != np.isnan(time).all() or (np.diff(time) <= 0).any():
            findings.append(Finding("error", f"clip {clip_id}: its times do not increase"))
        if track.frame_index[-1] >= track.info.end or track.frame_index[0] < track.info.start:
            findings.append(Finding("error", f"clip {clip_id}: it has frames from outside its range"))
        if doubt := find_doubt(track, int(clamped[number])):
            doubtful[doubt.advice_in(words)].append((clip_id, doubt.reason_in(words)))
        elif not (track.confidence > 0).any():
            findings.append(Finding("note", f"clip {clip_id}: no person was found in it"))
    findings += starmap(_of_doubt, doubtful.items())
    findings += [Finding("note", text) for text in PoseDataset([tracks], any_estimator=True).class_notes()]
    return sorted(findings + _duplicates(tracks), key=lambda finding: finding.kind)


def _of_doubt(advice: str, clips: list[tuple[str, str]]) -> Finding:
    """Return one finding for all clips whose positions cannot be pixels for the same reason."""
    clip_id, found = clips[0]
    more = f" (and {len(clips) - 1:,} more clips)" if len(clips) > 1 else ""
    return Finding("error", f"clip {clip_id}{more}: {found}. {advice}")


def _duplicates(tracks: PoseShards) -> list[Finding]:
    """Find clips of the same range of the same video; across splits, they leak test data into training."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    keys = zip(*(tracks.column(name).tolist() for name in ("source_sha256", "start", "end")), strict=True)
    for number, key in enumerate(keys):
        if key[0]:
            groups[key].append(number)
    ids, splits = tracks.column("id"), tracks.column("split")
    findings = []
    for numbers in groups.values():
        if len(numbers) > 1:
            across = len(set(splits[numbers])) > 1
            where = ", in different splits" if across else ""
            findings.append(Finding("note", f"clips {', '.join(ids[numbers])} are the same video{where}"))
    return findings

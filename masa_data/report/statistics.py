"""Statistics of a dataset for the report, from one pass; memory grows with the clips, not with the frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from masa_data.analysis.checks import FAULTS, LIMITS, NEAR_DUPLICATE, Suspect, measure, most_suspicious
from masa_data.analysis.motion import jitter, shoulder_width
from masa_data.analysis.near_duplicates import describe, find_near_duplicates
from masa_data.analysis.quality import hands_found
from masa_data.shards.reader import PoseShards
from masa_data.tracks.skeleton import NUM_KEYPOINTS
from masa_data.tracks.track import PoseTrack

SUSPECTS: Final = 24


@dataclass(slots=True)
class JointSums:
    """Sums over the frames of one corpus, from which the mean values are computed.

    Attributes:
        frames: number of frames.
        confidence: (49,) sum of confidences.
        missing: (49,) number of frames in which the keypoint is missing.
        jitter: (49,) sum of jitter in shoulder widths.
        jitter_frames: (49,) number of frames in which jitter is known.
        hands: (4,) number of frames in which the left, the right, both and no hand was found.
    """

    frames: int = 0
    confidence: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_KEYPOINTS))
    missing: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_KEYPOINTS))
    jitter: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_KEYPOINTS))
    jitter_frames: NDArray[np.float64] = field(default_factory=lambda: np.zeros(NUM_KEYPOINTS))
    hands: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))

    def add(self, track: PoseTrack) -> None:
        """Add a clip."""
        self.frames += len(track)
        self.confidence += track.confidence.sum(axis=0, dtype=np.float64)
        self.missing += (track.confidence == 0).sum(axis=0)
        trembling = jitter(track, shoulder_width(track))
        known = np.isfinite(trembling)
        self.jitter += np.where(known, trembling, 0).sum(axis=0, dtype=np.float64)
        self.jitter_frames += known.sum(axis=0)
        left, right = hands_found(track.confidence).T
        self.hands += [left.sum(), right.sum(), (left & right).sum(), (~left & ~right).sum()]

    def mean_confidence(self) -> NDArray[np.float64]:
        """Return (49,) mean confidence in 0..1; a missing keypoint counts as 0."""
        return self.confidence / self.frames

    def missing_share(self) -> NDArray[np.float64]:
        """Return (49,) share of frames in which the keypoint is missing, in 0..1."""
        return self.missing / self.frames

    def mean_jitter(self) -> NDArray[np.float64]:
        """Return (49,) mean jitter in shoulder widths; NaN if it is unknown in all frames."""
        return np.where(self.jitter_frames > 0, self.jitter / np.maximum(self.jitter_frames, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of a dataset's frames.

    Attributes:
        joints: sums by corpus, in the order of the file.
        faults: each fault → (N,) its value for every clip, in 0..1.
        partner: (N,) number of the most similar clip of another split; -1 = none.
        suspects: the most suspicious clips, at most 24.
    """

    joints: dict[str, JointSums]
    faults: dict[str, NDArray[np.float64]]
    partner: NDArray[np.int64]
    suspects: list[Suspect]

    def clips_with(self, fault: str) -> int:
        """Return the number of clips with this fault."""
        return int((self.faults[fault] >= LIMITS[fault]).sum())


def gather(tracks: PoseShards) -> Statistics:
    """Read every clip once.

    Raises:
        DataError: if the values of a clip are inconsistent (`PoseShards.track`).
    """
    joints = {corpus: JointSums() for corpus in dict.fromkeys(tracks.column("corpus").tolist())}
    faults = {name: np.zeros(len(tracks)) for name in FAULTS}
    descriptions = []
    for number in range(len(tracks)):
        track = tracks.track(number)
        joints[track.info.corpus].add(track)
        for name, value in measure(track).items():
            faults[name][number] = value
        descriptions.append(describe(track))
    alike = find_near_duplicates(np.stack(descriptions), tracks.column("split"))
    faults[NEAR_DUPLICATE] = alike.likeness
    return Statistics(joints, faults, alike.partner, most_suspicious(faults, SUSPECTS))

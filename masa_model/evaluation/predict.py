"""Recognition of single tracks as a library: `Recognizer.load("runs/finetune-001").predict(track)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from masa_data.analysis.quality import hands_found
from masa_data.shards.joining import check_estimator
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.sources import raw_clips
from masa_model.training.recognizer import TrainedClassifier, batch_probabilities, load_classifier

TOP = 5


@dataclass(frozen=True, slots=True)
class Guess:
    """What a clip may be.

    Attributes:
        gloss: text of the sign.
        probability: 0..1, calibrated on val where the run had clips of it.
    """

    gloss: str
    probability: float


class Recognizer:
    """A trained recogniser that takes tracks.

    Attributes:
        trained: its checkpoint.
        device: where it computes.
    """

    def __init__(self, trained: TrainedClassifier, device: torch.device) -> None:
        self.trained = trained
        self.device = device

    @classmethod
    def load(cls, run: str | Path, device: str | torch.device = "cpu") -> Recognizer:
        """Read a run of masa-finetune, or one of its checkpoints. Nothing in the file is run as code.

        Args:
            run: a folder or a file.
            device: where to compute.

        Raises:
            DataError: if it is no recogniser.
        """
        device = torch.device(device)
        return cls(load_classifier(Path(run), device), device)

    def check_estimator(self, found: EstimatorIdentity) -> None:
        """Refuse keypoints of another estimator than the training's: it would take them for other signs.

        Raises:
            DataError: if the estimator, a setting or its weights differ, saying which.
        """
        option = "--any-estimator (any_estimator=True)"
        check_estimator(self.trained.path, self.trained.header.estimator, found, option)

    def predict(self, track: PoseTrack, top: int = TOP, *, any_estimator: bool = False) -> list[Guess]:
        """The most probable glosses of one clip, the best first.

        Args:
            track: the clip.
            top: how many, all if there are fewer.
            any_estimator: whether it may be of another estimator than the training's.

        Returns:
            the guesses; none for a clip in which no hand was found, about which nothing can be said.

        Raises:
            DataError: as `predict_all`.
        """
        return self.predict_all([track], top, any_estimator=any_estimator)[0]

    def predict_all(
        self, tracks: Sequence[PoseTrack], top: int = TOP, *, any_estimator: bool = False
    ) -> list[list[Guess]]:
        """The same for some tracks at once; as many as memory holds.

        Args:
            tracks: the clips.
            top: how many guesses for each.
            any_estimator: whether they may be of another estimator than the training's.

        Raises:
            DataError: if a track says that it is of another estimator; one made by hand says nothing.
        """
        named = {id(track.estimator): track.estimator for track in tracks if track.estimator is not None}
        for estimator in () if any_estimator else named.values():
            self.check_estimator(estimator)
        found: list[list[Guess]] = [[] for _ in tracks]
        asked = [number for number, track in enumerate(tracks) if hands_found(track.confidence).any()]
        if not asked:
            return found
        raw = raw_clips([tracks[number] for number in asked]).to(self.device)
        probabilities = batch_probabilities(
            self.trained.model, raw, self.trained.settings, temperature=self.trained.header.temperature
        )
        glosses = self.trained.classes.glosses
        for number, row in zip(asked, probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            found[number] = [Guess(glosses[place], float(row[place])) for place in best]
        return found

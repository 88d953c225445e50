"""Recognition of single tracks as a library: `Recognizer.load("runs/finetune-001").predict(track)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from masa_data.errors import DataError
from masa_data.quality import hands_found
from masa_data.shards.spec import EstimatorIdentity
from masa_data.track import PoseTrack
from masa_model.inputs.sources import raw_clips
from masa_model.recogniser import TrainedClassifier, batch_probabilities, load_classifier

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
        expected = self.trained.header.estimator
        mine, theirs = expected.model_dump(), found.model_dump()
        differences = [
            f"{name} {theirs[name]!r}, expected {mine[name]!r}" for name in mine if mine[name] != theirs[name]
        ]
        if differences:
            raise DataError(
                f"the keypoints are of another estimator than {self.trained.path} was trained on "
                f"({differences[0]}{f'; {len(differences) - 1} more' if len(differences) > 1 else ''})",
                "Extract with that one, or say --any-estimator and do not trust the answer",
            )

    def predict(self, track: PoseTrack, top: int = TOP) -> list[Guess]:
        """The most probable glosses of one clip, the best first.

        Args:
            track: the clip.
            top: how many, all if there are fewer.

        Returns:
            the guesses; none for a clip in which no hand was found, about which nothing can be said.
        """
        return self.predict_all([track], top)[0]

    def predict_all(self, tracks: Sequence[PoseTrack], top: int = TOP) -> list[list[Guess]]:
        """The same for some tracks at once; as many as memory holds.

        Args:
            tracks: the clips.
            top: how many guesses for each.
        """
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

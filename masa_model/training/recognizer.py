"""A trained recognizer: its network, its classes, and its predictions for clips and tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data.analysis.quality import hands_found
from masa_data.corpora.inputs import require_inputs
from masa_data.errors import DataError
from masa_data.shards.joining import check_estimator
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.labeled import Classes
from masa_model.inputs.sources import raw_clips
from masa_model.network.classifier import RecognizerNetwork
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import (
    PRETRAINED_ON,
    TRAINED_ON,
    Checkpoint,
    CheckpointHeader,
    load_checkpoint,
    read_header,
    require_kind,
)
from masa_model.training.checkpoint_parts import load_model, require_size, settings_of, tensor_of
from masa_model.training.run_folder import BEST, LAST
from masa_model.training.scoring import Scoring, batch_probabilities
from masa_model.training.videos import VideoOptions, extracted_videos

TOP: Final = 5
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Guess:
    """One predicted gloss of a clip.

    Attributes:
        gloss: gloss of the sign.
        probability: probability of the gloss in 0..1; calibrated if the run had val clips.
    """

    gloss: str
    probability: float


@dataclass(frozen=True, slots=True, repr=False)
class Recognizer:
    """A trained recognizer. Example: `Recognizer.load("runs/finetune-001").predict("clip.mp4")`.

    Attributes:
        path: path of its checkpoint.
        model: its network, in evaluation mode.
        settings: settings of its run.
        classes: the classes that it can recognize.
        header: header of its checkpoint.
        trained_on: (n, 2) `content_keys` of its training clips.
        pretrained_on: (n, 2) `content_keys` of its pre-training clips; None if an old version wrote none.
        device: device that it computes on.
    """

    path: Path
    model: RecognizerNetwork
    settings: FinetuneSettings
    classes: Classes
    header: CheckpointHeader
    trained_on: NDArray[np.int64]
    pretrained_on: NDArray[np.int64] | None
    device: torch.device

    @classmethod
    def load(cls, run: str | Path, device: str | torch.device = "cpu") -> Recognizer:
        """Load a recognizer from a run of fine-tuning. No code in the file is executed.

        Args:
            run: checkpoint, or folder of a run: its best epoch on val, or its last one without val clips.
            device: device to compute on, such as "cpu" or "cuda".

        Raises:
            DataError: if there is no such checkpoint, or it is damaged or of another kind, size or version.
        """
        path, device = Path(run), torch.device(device)
        if path.is_dir():
            best = path / "checkpoints" / BEST
            path = best if best.exists() else path / "checkpoints" / LAST
        checkpoint = load_checkpoint(path)
        header = checkpoint.header
        require_kind(path, header, "recogniser")
        settings = settings_of(path, header, FinetuneSettings)
        require_size(checkpoint, settings.network.encoder_weights)
        model = build_network(settings, len(header.classes))
        load_model(checkpoint, model)
        trained_on = tensor_of(checkpoint, TRAINED_ON, torch.empty((0, 2), dtype=torch.int64))
        return cls(
            path,
            model.to(device).eval(),
            settings,
            Classes(header.classes, header.labels),
            header,
            trained_on.numpy(),
            _pretrained_on(checkpoint, settings),
            device,
        )

    def __repr__(self) -> str:
        glosses = ", ".join(self.classes.glosses[:_SHOWN]) + (", …" if len(self.classes) > _SHOWN else "")
        return (
            f"Recognizer({str(self.path)!r}): {len(self.classes):,} glosses ({glosses}), "
            f"keypoints of {self.header.estimator.name}"
        )

    def check_estimator(self, found: EstimatorIdentity) -> None:
        """Check that keypoints are of the pose estimator used in training; others cause wrong predictions.

        Args:
            found: identity of the pose estimator of the keypoints.

        Raises:
            DataError: if the estimator, one of its settings or its weights differ; the message says which.
        """
        check_estimator(self.path, self.header.estimator, found, "any_estimator")

    def predict(
        self, clip: PoseTrack | str | Path, top: int = TOP, *, any_estimator: bool = False
    ) -> list[Guess]:
        """Predict the most probable glosses of one clip.

        Args:
            clip: pose track of the clip, or path of a video, from which the track is extracted first.
            top: number of glosses to return; all glosses if the recognizer has fewer.
            any_estimator: whether to accept keypoints of another pose estimator than that of training.

        Returns:
            the predicted glosses, the most probable first; an empty list if no hand was found in the clip.

        Raises:
            DataError: if the keypoints are of another pose estimator, or the video cannot be read.

        Example:
            >>> recognizer = Recognizer.load("runs/finetune-001")  # doctest: +SKIP
            >>> recognizer.predict("clip.mp4")[0].gloss  # doctest: +SKIP
            'book'
        """
        if isinstance(clip, PoseTrack):
            return self.predict_all([clip], top, any_estimator=any_estimator)[0]
        require_inputs([str(clip)])
        options = VideoOptions(any_estimator=any_estimator, workers=1)
        with extracted_videos([str(clip)], self.path, self.header, options) as (tracks, problems):
            if tracks is None:
                reason = problems[0].reason if problems else "it contains no video"
                raise DataError(f"no keypoints could be extracted from {clip}: {reason}", "Check the file")
            found = self.predict_all([tracks.track(0)], top, any_estimator=any_estimator)
        return found[0]

    def predict_all(
        self, tracks: Sequence[PoseTrack], top: int = TOP, *, any_estimator: bool = False
    ) -> list[list[Guess]]:
        """Predict the glosses of several clips at once, as `predict` does; all must fit into memory.

        Args:
            tracks: pose tracks of the clips.
            top: number of glosses to return for each clip.
            any_estimator: whether to accept keypoints of another pose estimator than that of training.

        Raises:
            DataError: if a track is of another pose estimator; a track without an estimator is accepted.
        """
        named = {id(track.estimator): track.estimator for track in tracks if track.estimator is not None}
        for estimator in () if any_estimator else named.values():
            self.check_estimator(estimator)
        found: list[list[Guess]] = [[] for _ in tracks]
        asked = [number for number, track in enumerate(tracks) if hands_found(track.confidence).any()]
        if not asked:
            return found
        raw = raw_clips([tracks[number] for number in asked])
        probabilities = batch_probabilities(
            self.model, raw, self.settings, self.device, Scoring(self.header.temperature)
        )
        glosses = self.classes.glosses
        for number, row in zip(asked, probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            found[number] = [Guess(glosses[place], float(row[place])) for place in best]
        return found


def classes_of(checkpoint: Path) -> Classes | None:
    """Read the classes of a run to resume.

    Args:
        checkpoint: path of the run's last checkpoint.

    Returns:
        the classes; None if the run was stopped before its first checkpoint.

    Raises:
        DataError: if the checkpoint cannot be read.
    """
    if not checkpoint.exists():
        return None
    header = read_header(checkpoint)
    return Classes(header.classes, header.labels)


def _pretrained_on(checkpoint: Checkpoint, settings: FinetuneSettings) -> NDArray[np.int64] | None:
    if settings.pretrained is None:
        return np.empty((0, 2), np.int64)
    if PRETRAINED_ON not in checkpoint.progress:
        return None
    return tensor_of(checkpoint, PRETRAINED_ON, torch.empty((0, 2), dtype=torch.int64)).numpy()


def build_network(settings: FinetuneSettings, classes: int) -> RecognizerNetwork:
    """Create the network of a recognizer with random weights for a number of classes."""
    head = settings.head
    return RecognizerNetwork(
        settings.network,
        classes,
        head=head.kind,
        pooling=head.pooling,
        dropout=head.dropout,
        frozen=settings.freeze,
    )

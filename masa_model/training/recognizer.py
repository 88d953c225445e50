"""A trained recognizer: its network, its classes, and the probabilities it gives to clips and tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from masa_data.analysis.quality import hands_found
from masa_data.corpora.inputs import require_inputs
from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.joining import check_estimator
from masa_data.tracks.provenance import EstimatorIdentity
from masa_data.tracks.track import PoseTrack
from masa_model.inputs.augment import with_noise
from masa_model.inputs.batch import RawClips
from masa_model.inputs.labeled import Classes
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_test_frames
from masa_model.inputs.sources import StreamedClips, raw_clips
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
from masa_model.training.videos import VideoOptions, extracted_videos

TOP: Final = 5
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Scoring:
    """How clips are asked.

    Attributes:
        temperature: by which the scores are divided before they become probabilities.
        views: windows of a clip that are averaged; 1 = the center.
        noise: σ of Gaussian noise on the coordinates (Table XIII), in 1/256 of a part's side.
        seed: of the noise, which also depends on the batch.
    """

    temperature: float = 1.0
    views: int = 1
    noise: float = 0.0
    seed: int = 0


DEFAULT_SCORING: Final = Scoring()


@dataclass(frozen=True, slots=True)
class Guess:
    """What a clip may be.

    Attributes:
        gloss: text of the sign.
        probability: 0..1, calibrated on val where the run had clips of it.
    """

    gloss: str
    probability: float


@dataclass(frozen=True, slots=True, repr=False)
class Recognizer:
    """A trained recognizer: `Recognizer.load("runs/finetune-001").predict(track)`.

    Attributes:
        path: of its checkpoint.
        model: in evaluation mode.
        settings: of its run.
        classes: what it tells apart.
        header: all that the checkpoint says about itself.
        trained_on: (n, 2) `content_keys` of its training clips.
        pretrained_on: likewise of its pre-training; None if that is not known, since an earlier version made
            the checkpoint.
        device: where it computes.
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
        """Read a run of masa-finetune, or one of its checkpoints. Nothing in the file is run as code.

        Args:
            run: a checkpoint, or a run's folder: then the best by val, the last where there was no val.
            device: where to put the network.

        Raises:
            DataError: if there is no such checkpoint, or it is of another kind, size or version.
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
        """Refuse keypoints of another estimator than the training's: it would take them for other signs.

        Raises:
            DataError: if the estimator, a setting or its weights differ, saying which.
        """
        check_estimator(self.path, self.header.estimator, found, "any_estimator")

    def predict(
        self, clip: PoseTrack | str | Path, top: int = TOP, *, any_estimator: bool = False
    ) -> list[Guess]:
        """Find the most probable glosses of one clip.

        Args:
            clip: the clip's pose track, or a video, from which keypoints are extracted first.
            top: number of glosses; all of them if there are fewer.
            any_estimator: accept keypoints of another estimator than the training's.

        Returns:
            the guesses, the most probable first; an empty list if no hand was found in the clip.

        Raises:
            DataError: if the keypoints are of another estimator, or the video cannot be read.

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
                reason = problems[0].reason if problems else "there is no video in it"
                raise DataError(f"{clip} could not be extracted: {reason}", "Check the file")
            found = self.predict_all([tracks.track(0)], top, any_estimator=any_estimator)
        return found[0]

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
        probabilities = batch_probabilities(self.model, raw, self.settings, Scoring(self.header.temperature))
        glosses = self.classes.glosses
        for number, row in zip(asked, probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            found[number] = [Guess(glosses[place], float(row[place])) for place in best]
        return found


def classes_of(checkpoint: Path) -> Classes | None:
    """The classes of a run that goes on; None if it was stopped before its first checkpoint.

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
    """The network that settings describe, with random weights.

    Args:
        settings: of a run.
        classes: their number.
    """
    return RecognizerNetwork(
        settings.network,
        classes,
        head=settings.head.kind,
        pooling=settings.head.pooling,
        dropout=settings.head.dropout,
        frozen=settings.freeze,
    )


@torch.no_grad()
def score_clips(
    model: RecognizerNetwork,
    clips: PoseDataset,
    settings: FinetuneSettings,
    device: torch.device,
    batches: Iterable[NDArray[np.int64]],
    scoring: Scoring = DEFAULT_SCORING,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Probabilities, batch by batch: memory holds one batch, however many clips there are.

    Args:
        model: on the device, in evaluation mode.
        clips: to be recognized.
        settings: of the model's run.
        device: where to compute.
        batches: clip numbers.
        scoring: how clips are asked.

    Yields:
        (n,) the numbers of a batch, and (n, C) the probabilities of their classes.
    """
    for raw in StreamedClips(clips, device).batches(batches):
        numbers = raw.numbers.cpu().numpy()
        yield numbers, batch_probabilities(model, raw, settings, scoring)


@torch.no_grad()
def batch_probabilities(
    model: RecognizerNetwork,
    raw: RawClips,
    settings: FinetuneSettings,
    scoring: Scoring = DEFAULT_SCORING,
) -> NDArray[np.float32]:
    """(n, C) probabilities of one batch; see score_clips."""
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if scoring.noise:
        batch = with_noise(batch, scoring.noise, scoring.seed)
    sampling = settings.sampling
    by_view = [
        model(sample_test_frames(batch, sampling.frames, sampling.how, view, scoring.views)).float()
        / scoring.temperature
        for view in range(scoring.views)
    ]
    return torch.stack(by_view).softmax(2).mean(0).cpu().numpy()

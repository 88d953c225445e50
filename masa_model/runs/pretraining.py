"""A run of pre-training, from files to a folder with checkpoints and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from masa_data.shards.dataset import PoseDataset
from masa_model.evaluation.probe import frozen_copy, probe, shared_labels
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.masa import MASA
from masa_model.pictures.curves import pretraining_curves
from masa_model.pictures.recorder import Recorder
from masa_model.pictures.run_pictures import draw_pretraining
from masa_model.runs.beginning import check_same_files, lengthened, new_folder
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.data import TrainingData, open_training_data
from masa_model.training.precision import settle_precision
from masa_model.training.pretrain import pretrain
from masa_model.training.processes import Processes
from masa_model.training.progress import Progress
from masa_model.training.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Pretraining:
    """A run of pre-training that begins or goes on.

    Attributes:
        settings: with which it runs.
        data: the clips.
        folder: of the run.
        processes: who trains together.
        before: the settings with which it was begun; None for a new run.
        left_out: a line for each picture that could not be drawn.
    """

    settings: PretrainSettings
    data: TrainingData
    folder: RunFolder
    processes: Processes
    before: PretrainSettings | None = None
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def new(
        cls,
        files: Sequence[Path],
        settings: PretrainSettings,
        processes: Processes,
        folder: Path | None = None,
    ) -> Pretraining:
        """Open the files and make the folder.

        Args:
            files: of pose tracks.
            settings: of the run.
            processes: who trains together.
            folder: of the run; None = the next free one in runs/.

        Raises:
            DataError: if the files cannot be used, or the folder holds a run.
        """
        data = _opened(files, settings)
        settings = settle_precision(settings, processes.device)
        return cls(settings, data, new_folder("pretrain", folder, processes), processes)

    @classmethod
    def resumed(
        cls, folder: RunFolder, processes: Processes, files: Sequence[Path] = (), epochs: int | None = None
    ) -> Pretraining:
        """Go on with a run.

        Args:
            folder: of the run.
            processes: who trains together.
            files: where its files are now; none = where they were.
            epochs: more than it has, to make it longer; None = as before.

        Raises:
            DataError: if the folder holds no run, or the files are not those of the run.
        """
        before = folder.read_settings(PretrainSettings)
        settings = lengthened(before, epochs, folder)
        data = _opened(files or folder.files(), settings)
        check_same_files(folder, data.record())
        return cls(settings, data, folder, processes, before)

    def train(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Train, a step at each turn, and draw the pictures at the end. The folder must be held (`held_by`).

        Args:
            stop: asked after every step; when it says so, a checkpoint is saved and the run ends.

        Raises:
            DataError: if a checkpoint does not fit, or a loss is not finite.
        """
        first = self.processes.first
        if first and self.settings != self.before:
            self.folder.begin(self.settings, self.data.record(), again=self.before is not None)
        training = pretrain(
            self.settings, self.data, self.folder, self.processes, stop=stop, after_epoch=self._prober()
        )
        with Recorder(self.folder, pretraining_curves, enabled=first) as recorder:
            finished = True  # one that is complete already makes no step
            for progress in training:
                if progress.record is not None:
                    recorder.add(progress.record)
                finished = progress.step == progress.steps
                yield progress
            if first and finished and not stop():
                pictures = draw_pretraining(recorder, self.folder, self.data.clips, self.processes.device)
                self.left_out.extend(pictures)

    def _prober(self) -> Callable[[MASA, int], dict[str, float]]:
        """What is asked after every epoch: nothing, or every N epochs how good the features are by now."""
        settings, device = self.settings, self.processes.device
        if not settings.probe_every:
            return lambda model, epochs: {}
        paths = [tracks.path for tracks in self.data.clips.files]
        train, val = (
            PoseDataset.open(*paths, splits=[split], any_estimator=settings.data.any_estimator)
            for split in ("train", "val")
        )
        shared_labels(train, val)  # better now than after N epochs

        def ask(model: MASA, epochs: int) -> dict[str, float]:
            if epochs % settings.probe_every or not self.processes.first:
                return {}
            encoder = frozen_copy(model.query.encoder)
            calibrate_encoder(encoder, train, settings.inputs, device)
            return probe(encoder, train, val, settings.inputs, device).means("val_")

        return ask


def _opened(files: Sequence[Path], settings: PretrainSettings) -> TrainingData:
    chosen = settings.data
    return open_training_data(
        files, chosen.splits, chosen.ratio, settings.seed, any_estimator=chosen.any_estimator
    )

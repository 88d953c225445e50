"""A run of pre-training: it reads files and writes a folder with checkpoints and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from masa_data.shards.dataset import PoseDataset
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.masa import MASA
from masa_model.pictures.curves import pretraining_curves
from masa_model.pictures.recorder import Recorder
from masa_model.pictures.run_pictures import draw_pretraining
from masa_model.runs.beginning import check_same_files, lengthened, new_folder
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.batch_size import counts_by_process, settle_batch_size
from masa_model.training.data import TrainingData, open_training_data
from masa_model.training.precision import settle_precision
from masa_model.training.pretrain import pretrain
from masa_model.training.processes import Processes
from masa_model.training.profiling import Profile, profiled
from masa_model.training.progress import Progress, explaining_memory
from masa_model.training.run_folder import SETTINGS, RunFolder

# File name of the trace of a profile in the run folder.
PROFILE: Final = "profile.json"


@dataclass(frozen=True, slots=True)
class Pretraining:
    """A new or resumed run of pre-training.

    Attributes:
        settings: settings of the run.
        data: training clips.
        folder: folder of the run.
        processes: the processes that train together.
        before: settings that the run was started with; None for a new run.
        batch_reason: why a step of a new run has fewer clips than the preset; else "".
        left_out: one line for each picture that could not be drawn.
    """

    settings: PretrainSettings
    data: TrainingData
    folder: RunFolder
    processes: Processes
    before: PretrainSettings | None = None
    batch_reason: str = ""
    left_out: list[str] = field(default_factory=list)

    @classmethod
    def new(
        cls,
        files: Sequence[Path],
        settings: PretrainSettings,
        processes: Processes,
        folder: Path | None = None,
    ) -> Pretraining:
        """Open the files and create the folder of a new run.

        Args:
            files: files of pose tracks.
            settings: settings of the run.
            processes: the processes that train together.
            folder: folder of the run; None = the next free one in runs/.

        Raises:
            DataError: if the files cannot be used, or the folder already contains a run.
        """
        data = _opened(files, settings)
        settings = settle_precision(settings, processes.device)
        batch = settle_batch_size(settings, data.clips, processes)
        settings = settings.model_copy(update={"batch_size": batch.clips})
        folder_of_run = new_folder("pretrain", folder, processes)
        return cls(settings, data, folder_of_run, processes, batch_reason=batch.reason)

    @classmethod
    def resumed(
        cls, folder: RunFolder, processes: Processes, files: Sequence[Path] = (), epochs: int | None = None
    ) -> Pretraining:
        """Resume a run.

        Args:
            folder: folder of the run.
            processes: the processes that train together.
            files: paths of the run's data files, if they were moved; empty = the recorded paths.
            epochs: larger total number of epochs, to make the run longer; None = unchanged.

        Raises:
            DataError: if the folder contains no run, or the files differ from those of the run.
        """
        before = folder.read_settings(PretrainSettings)
        if counts_by_process(before) and before.batch_size != "auto":
            before = before.model_copy(update={"batch_size": before.batch_size * processes.count})
        settings = lengthened(before, epochs, folder)
        data = _opened(files or folder.files(), settings)
        check_same_files(folder, data.record())
        return cls(settings, data, folder, processes, before)

    def train(
        self,
        stop: Callable[[], bool] = lambda: False,
        profile_steps: int = 0,
        report: Callable[[Profile], None] = lambda profile: None,
    ) -> Iterator[Progress]:
        """Train, one step for each item of the iterator, and draw the pictures at the end.

        The folder must be locked with `held_by`.

        Args:
            stop: called after every step; if it returns True, a checkpoint is saved and training stops.
            profile_steps: number of steps to profile, in the first process; 0 = none.
            report: called with the profile.

        Yields:
            the progress after each step.

        Raises:
            DataError: if a checkpoint does not match the run, or a loss is not finite.
        """
        first = self.processes.first
        if first and self.settings != self.before:
            self.folder.begin(self.settings, self.data.record(), again=self.before is not None)
        training = pretrain(
            self.settings, self.data, self.folder, self.processes, stop=stop, after_epoch=self._prober()
        )
        training = explaining_memory(
            training,
            int(self.settings.batch_size),
            f"Set recompute = true in {self.folder.path / SETTINGS} and resume, or start a run with half of "
            "batch_size",
        )
        if profile_steps and first:
            trace = self.folder.path / PROFILE
            training = profiled(training, profile_steps, trace, self.processes.device, report)
        with Recorder(self.folder, pretraining_curves, enabled=first) as recorder:
            finished = True  # a run that is already complete makes no step
            for progress in training:
                if progress.record is not None:
                    recorder.add(progress.record)
                finished = progress.step == progress.steps
                yield progress
            if first and finished and not stop():
                pictures = draw_pretraining(recorder, self.folder, self.data.clips, self.processes.device)
                self.left_out.extend(pictures)

    def _prober(self) -> Callable[[MASA, int], dict[str, float]]:
        """Return the function to call after each epoch; it probes the features every `probe_every` epochs."""
        settings, device = self.settings, self.processes.device
        if not settings.probe_every:
            return lambda model, epochs: {}
        # Imported here, because a run without probes would wait two seconds for scikit-learn.
        from masa_model.evaluation.probe import frozen_copy, probe, shared_labels

        paths = [tracks.path for tracks in self.data.clips.files]
        train, val = (
            PoseDataset.open(*paths, splits=[split], any_estimator=settings.data.any_estimator)
            for split in ("train", "val")
        )
        shared_labels(train, val)  # fail now, not after `probe_every` epochs

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

"""Fine-tuning: the loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from masa_data.errors import DataError
from masa_model.calibration import (
    CALIBRATION_CLIPS,
    calibrate_encoder,
    calibrated,
    restore_statistics,
)
from masa_model.features import in_order
from masa_model.finetune_settings import FinetuneSettings
from masa_model.inputs.augment import augment, with_noise
from masa_model.inputs.batch import PoseBatch, RawClips
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sampling import sample_training_frames
from masa_model.inputs.sources import epoch_batches, open_source
from masa_model.network.classifier import SignClassifier
from masa_model.pretrained import check_estimators
from masa_model.probabilities import fit_temperature
from masa_model.recogniser import batch_probabilities, build_classifier, score_clips
from masa_model.training.checkpoint import (
    PRETRAINED_ON,
    RUNNING,
    TRAINED_ON,
    CheckpointHeader,
    load_checkpoint,
    load_model,
    load_optimiser,
    read_progress,
    save_checkpoint,
)
from masa_model.training.content import content_keys
from masa_model.training.labelled import FinetuneData
from masa_model.training.precision import arithmetic
from masa_model.training.progress import NonFiniteLossError, Progress
from masa_model.training.recipe import class_weights, make_optimiser, rate_factor
from masa_model.training.run_folder import BEST, RunFolder

_SECONDS_BETWEEN_SAVES: Final = 60.0
_FEWEST_CALIBRATION_CLIPS: Final = 128
_SUMS: Final = ("loss", "accuracy")


@dataclass(slots=True)
class _Chosen:
    """The best epoch by val: the highest accuracy, of equals the lower loss."""

    accuracy: float = -1.0
    loss: float = np.inf
    epoch: float = -1.0

    def improve(self, accuracy: float, loss: float, epoch: int) -> bool:
        if (accuracy, -loss) <= (self.accuracy, -self.loss):
            return False
        self.accuracy, self.loss, self.epoch = accuracy, loss, epoch
        return True

    def tensor(self) -> Tensor:
        return torch.tensor([self.accuracy, self.loss, self.epoch], dtype=torch.float64)


@dataclass(slots=True)
class _State:
    """Where the loop is."""

    step: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(len(_SUMS)))
    chosen: _Chosen = field(default_factory=_Chosen)


def finetune(
    settings: FinetuneSettings,
    data: FinetuneData,
    folder: RunFolder,
    device: torch.device,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train, a step at each turn; write checkpoints and metrics into the run's folder.

    After each epoch the clips of val are asked; the best epoch by them is kept as best.safetensors. Without
    such clips there is only last.safetensors. The result depends on settings and data alone, not on stops.

    Args:
        settings: of the run.
        data: the clips.
        folder: of the run.
        device: where to compute; one process does all.
        resume: go on from the folder's last checkpoint.
        stop: asked after every step; when it says so, a checkpoint is saved and the run ends.

    Raises:
        DataError: if a checkpoint does not fit, or a loss is not finite.
    """
    clips = data.train.clips
    steps_per_epoch = len(epoch_batches(len(clips), settings.batch_size, settings.seed, 0))
    steps = steps_per_epoch * settings.epochs
    model = _initial_model(settings, data, device, resume=resume)
    optimiser = make_optimiser(settings, model)
    state = _State(sums=torch.zeros(len(_SUMS), device=device))
    if resume:
        _restore(state, folder, model, optimiser, steps, device)
        folder.forget_metrics_from(state.step // steps_per_epoch)
    saver = _Saver(settings, data, folder, steps, _pretrained_on(settings, folder, resume=resume))
    targets = torch.from_numpy(data.train.targets).to(device)
    weights = class_weights(settings, data).to(device)
    source = open_source(clips, device, settings.data.place)
    model.train()
    head_alone = 0.0 if settings.pretrained is None else settings.optimiser.head_first * steps

    for epoch in range(state.step // steps_per_epoch, settings.epochs):
        order = epoch_batches(len(clips), settings.batch_size, settings.seed, epoch)
        started, first = time.monotonic(), state.step
        for raw in source.batches(order[state.step % steps_per_epoch :]):
            factor = rate_factor(settings.optimiser, state.step, steps)
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * factor
            # Dropout too depends on the step alone, not on what ran before.
            torch.manual_seed(hash((settings.seed, state.step)) & 0x7FFFFFFF)
            batch = _training_batch(raw, settings, (settings.seed, epoch))
            frozen = settings.freeze or state.step < head_alone
            if frozen != model.frozen:
                model.freeze(frozen)
            with arithmetic(settings.precision, device):
                scores = model(batch).float()
            wanted = targets[batch.numbers]
            loss = nn.functional.cross_entropy(
                scores, wanted, weights, label_smoothing=settings.label_smoothing
            )
            if not torch.isfinite(loss):
                raise NonFiniteLossError(
                    f"the loss is {float(loss)} in step {state.step + 1}",
                    "Lower --set optimiser.learning_rate; the last checkpoint stands",
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            state.step += 1
            right = (scores.argmax(1) == wanted).float().mean()
            state.sums += torch.stack([loss.detach(), right])
            stopping = stop()
            if stopping and state.step % steps_per_epoch:
                with _fitting_statistics(model, settings, data, device) as running:
                    saver.save(folder.last, state, model, resumable=(optimiser, running))
                return
            if state.step % steps_per_epoch:
                yield Progress(state.step, steps, epoch)

        means = (state.sums / steps_per_epoch).tolist()
        state.sums = torch.zeros_like(state.sums)
        record: dict[str, float] = {"epoch": epoch, "step": state.step}
        record |= dict(zip(_SUMS, means, strict=True))
        record["learning_rate"] = optimiser.param_groups[0]["lr"]
        seconds = time.monotonic() - started
        record["clips_per_second"] = (state.step - first) * len(order[0]) / max(seconds, 1e-9)
        last = epoch + 1 == settings.epochs
        ask = len(data.val) > 0 and ((epoch + 1) % settings.val_every == 0 or last)
        keep = stopping or last or saver.due()
        with ExitStack() as fitting:
            if ask or keep:
                running = fitting.enter_context(_fitting_statistics(model, settings, data, device))
            if ask:
                accuracy, val_loss, temperature = _validate(model, data, settings, device)
                record |= {"val_accuracy": accuracy, "val_loss": val_loss}
                if state.chosen.improve(accuracy, val_loss, epoch):
                    saver.save(folder.checkpoints / BEST, state, model, record, temperature)
                record["best_epoch"] = state.chosen.epoch
            folder.append_metrics(dict(record))
            if keep:
                resumable = (optimiser, running)
                saver.save(folder.last, state, model, record, temperature if ask else 1.0, resumable)
        yield Progress(state.step, steps, epoch, record)
        if stopping:
            return


@dataclass(slots=True)
class _Saver:
    """Writes checkpoints that say all that is needed to use them."""

    settings: FinetuneSettings
    data: FinetuneData
    folder: RunFolder
    steps: int
    pretrained_on: Tensor | None
    saved: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        return time.monotonic() - self.saved > _SECONDS_BETWEEN_SAVES

    def save(
        self,
        path: Path,
        state: _State,
        model: nn.Module,
        record: dict[str, float] | None = None,
        temperature: float = 1.0,
        resumable: tuple[torch.optim.Optimizer, dict[str, Tensor]] | None = None,
    ) -> None:
        """Write one, with the optimiser and the running statistics if a run may go on from it."""
        files = self.data.train.clips.files
        header = CheckpointHeader(
            kind="recogniser",
            step=state.step,
            steps=self.steps,
            settings=self.settings.model_dump(mode="json"),
            estimator=self.data.train.clips.estimator,
            sampling=files[0].provenance.sampling,
            fingerprints=tuple(tracks.fingerprint for tracks in files),
            labels=self.data.classes.glosses,
            classes=self.data.classes.pairs,
            temperature=temperature,
            metrics=record or {},
        )
        trained_on = torch.from_numpy(content_keys(self.data.train.clips))
        progress = {"sums": state.sums, "chosen": state.chosen.tensor(), TRAINED_ON: trained_on}
        if self.pretrained_on is not None:
            progress[PRETRAINED_ON] = self.pretrained_on
        optimiser = None
        if resumable is not None:
            optimiser, running = resumable
            progress |= {RUNNING + name: value for name, value in running.items()}
            self.saved = time.monotonic()
        save_checkpoint(path, header, model, optimiser, progress)


def _initial_model(
    settings: FinetuneSettings, data: FinetuneData, device: torch.device, *, resume: bool
) -> SignClassifier:
    """The model with its first weights: a pre-trained encoder, or those that the seed gives."""
    torch.manual_seed(settings.seed)
    model = build_classifier(settings, len(data.classes)).to(device)
    if resume:
        return model
    if settings.pretrained is not None:
        check_estimators(settings, data)
        load_model(load_checkpoint(Path(settings.pretrained)), model.encoder, "query.encoder.")
    elif settings.freeze:
        # A network that never trains would normalise by statistics of nothing.
        calibrate_encoder(model.encoder, data.train.clips, settings.inputs, device)
    return model


def _pretrained_on(settings: FinetuneSettings, folder: RunFolder, *, resume: bool) -> Tensor | None:
    """Keys of the clips that pre-training saw; None without pre-training, or if it kept none."""
    if settings.pretrained is None:
        return None
    if resume:  # pre-training may lie elsewhere by now
        return read_progress(folder.last, PRETRAINED_ON)
    return read_progress(Path(settings.pretrained), TRAINED_ON)


def _training_batch(raw: RawClips, settings: FinetuneSettings, seed: tuple[int, ...]) -> PoseBatch:
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if settings.inputs.noise:
        batch = with_noise(batch, settings.inputs.noise)
    batch = sample_training_frames(batch, settings.sampling.frames, settings.sampling.how, seed)
    return augment(batch, settings.augment, seed)


def _fitting_statistics(
    model: SignClassifier, settings: FinetuneSettings, data: FinetuneData, device: torch.device
) -> AbstractContextManager[dict[str, Tensor]]:
    """Within, the statistics of what learns fit its weights; a validation takes about a sixth longer."""
    return calibrated(
        model,
        lambda raw: batch_probabilities(model, raw, settings),
        data.train.clips,
        device,
        part=model.head if model.frozen else None,
        most=min(CALIBRATION_CLIPS, max(_FEWEST_CALIBRATION_CLIPS, len(data.val) // 6)),
    )


def _validate(
    model: SignClassifier, data: FinetuneData, settings: FinetuneSettings, device: torch.device
) -> tuple[float, float, float]:
    """Accuracy and mean negative log-likelihood of val, and the temperature that fits it."""
    model.eval()
    batches = in_order(len(data.val), settings.batch_size)
    noise = settings.inputs.noise  # the epoch is chosen by clips of the quality that is learned from
    scored = score_clips(model, data.val.clips, settings, device, batches, noise=noise)
    probabilities = np.concatenate([found for _, found in scored])
    model.train()
    of_target = probabilities[np.arange(len(data.val)), data.val.targets]
    accuracy = float((probabilities.argmax(1) == data.val.targets).mean())
    loss = float(-np.log(np.maximum(of_target, 1e-12)).mean())
    return accuracy, loss, fit_temperature(probabilities, data.val.targets)


def _restore(
    state: _State,
    folder: RunFolder,
    model: SignClassifier,
    optimiser: torch.optim.Optimizer,
    steps: int,
    device: torch.device,
) -> None:
    checkpoint = load_checkpoint(folder.last)
    if checkpoint.header.steps != steps:
        raise DataError(
            f"{checkpoint.path} is of a run of {checkpoint.header.steps:,} steps, this one has {steps:,}",
            "Resume with the same clips and batch size",
        )
    load_model(checkpoint, model)
    restore_statistics(model, checkpoint.running_statistics)
    highest = [group["highest"] for group in optimiser.param_groups]
    load_optimiser(checkpoint, optimiser)
    for group, value in zip(optimiser.param_groups, highest, strict=True):
        group["highest"] = value
    state.step, state.sums = checkpoint.header.step, checkpoint.progress["sums"].to(device)
    state.chosen = _Chosen(*checkpoint.progress["chosen"].tolist())

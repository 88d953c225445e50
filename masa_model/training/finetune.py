"""The training loop of fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn

from masa_model.inputs.augment import augment, with_noise
from masa_model.inputs.batch import RawClips, TensorGroup
from masa_model.inputs.frames import EncoderInput, encoder_input
from masa_model.inputs.labeled import FinetuneData
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.retiming import retime
from masa_model.inputs.sampling import sample_training_frames
from masa_model.inputs.sources import epoch_batches, open_source, prepared_on
from masa_model.network.calibration import calibrate_encoder
from masa_model.network.classifier import RecognizerNetwork
from masa_model.settings.finetune import FinetuneSettings
from masa_model.training.checkpoint import (
    PRETRAINED_ON,
    TRAINED_ON,
    Checkpoint,
    load_checkpoint,
    read_progress,
    require_kind,
)
from masa_model.training.checkpoint_parts import load_model, tensor_of
from masa_model.training.finetune_checkpoints import SUMS, Chosen, FinetuneSaver, State
from masa_model.training.head_start import start_from_class_means
from masa_model.training.optimizer import make_optimizer, set_learning_rate
from masa_model.training.precision import autocast, settle_precision
from masa_model.training.pretrained import check_estimators
from masa_model.training.progress import STEPS_BETWEEN_CHECKS, LossWatch, NonFiniteLossError, Progress
from masa_model.training.recipe import class_weights, learning_parameters, rate_factor
from masa_model.training.recognizer import build_network
from masa_model.training.restoring import restore_run, sums_of
from masa_model.training.run_folder import RunFolder
from masa_model.training.validation import fitting_statistics, validate


def finetune(
    settings: FinetuneSettings,
    data: FinetuneData,
    folder: RunFolder,
    device: torch.device,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train, one step for each item of the iterator, and write checkpoints and metrics to the run's folder.

    The model is evaluated on the val clips at the end of epochs, and the best epoch is kept as
    best.safetensors. Without val clips, there is only last.safetensors. The result depends only on settings
    and data: not on interruptions, and not on when checkpoints were written.

    Args:
        settings: settings of the run.
        data: training and validation clips with their classes.
        folder: folder of the run; if it contains a checkpoint, the run resumes from it.
        device: device to compute on; fine-tuning uses a single process.
        stop: called after every step; if it returns True, a checkpoint is saved and training stops.

    Yields:
        the progress after each step.

    Raises:
        DataError: if a checkpoint does not match the run, or a loss is not finite.
    """
    clips = data.train.clips
    settings = settle_precision(settings, device)
    steps_per_epoch = len(epoch_batches(len(clips), settings.batch_size, settings.seed, 0))
    steps = steps_per_epoch * settings.epochs
    going_on = folder.last.exists()
    model = _initial_model(settings, data, device, resume=going_on)
    optimizer = make_optimizer(settings.optimizer, model, learning_parameters(settings, model))
    state = State(sums=torch.zeros(len(SUMS), device=device))
    if going_on:
        checkpoint = load_checkpoint(folder.last)
        require_kind(folder.last, checkpoint.header, "recogniser")
        restore_run(checkpoint, settings, steps, model, optimizer)
        state = _state_of(checkpoint, device)
    folder.forget_metrics_from(state.step // steps_per_epoch)
    saver = FinetuneSaver(settings, data, folder, steps, _pretrained_on(settings, folder, going_on=going_on))
    targets = torch.from_numpy(data.train.targets)
    weights = class_weights(settings, data).to(device)
    source = open_source(clips, settings.data.storage)
    watch = LossWatch(device, 1)
    model.train()
    head_alone = 0.0 if settings.pretrained is None else settings.optimizer.head_first * steps

    for epoch in range(state.step // steps_per_epoch, settings.epochs):
        order = epoch_batches(len(clips), settings.batch_size, settings.seed, epoch)
        started, first = time.monotonic(), state.step
        prepare = partial(_training_input, targets=targets, settings=settings, epoch=epoch)
        for given in prepared_on(source, order[state.step % steps_per_epoch :], prepare, device):
            set_learning_rate(optimizer, rate_factor(settings.optimizer, state.step, steps))
            # Seed dropout by the step, so that a resumed run draws the same numbers.
            torch.manual_seed(hash((settings.seed, state.step)) & 0x7FFFFFFF)
            frozen = settings.freeze or state.step < head_alone
            if frozen != model.frozen:
                model.freeze(frozen)
            with autocast(settings.precision, device):
                scores = model(given.frames).float()
            loss = nn.functional.cross_entropy(
                scores, given.targets, weights, label_smoothing=settings.label_smoothing
            )
            watch.see(state.step, loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            state.step += 1
            right = (scores.argmax(1) == given.targets).float().mean()
            state.sums += torch.stack([loss.detach(), right])
            stopping, within = stop(), state.step % steps_per_epoch != 0
            due = stopping or (within and saver.writer.due_within_epoch())
            if due or not within or state.step % STEPS_BETWEEN_CHECKS == 0:
                _check_finite(watch)
            if within:
                if due:
                    with fitting_statistics(model, settings, data, device) as running:
                        saver.save(state, model, optimizer, running, stopping=stopping)
                if stopping:
                    return
                yield Progress(state.step, steps, epoch)

        means = (state.sums / steps_per_epoch).tolist()
        state.sums = torch.zeros_like(state.sums)
        record: dict[str, float] = {"epoch": epoch, "step": state.step}
        record |= dict(zip(SUMS, means, strict=True))
        record["learning_rate"] = optimizer.param_groups[0]["lr"]
        seconds = time.monotonic() - started
        record["clips_per_second"] = (state.step - first) * len(order[0]) / max(seconds, 1e-9)
        last = epoch + 1 == settings.epochs
        ask = len(data.val) > 0 and ((epoch + 1) % settings.val_every == 0 or last)
        keep = stopping or last or saver.writer.due_after_epoch()
        with ExitStack() as fitting:
            if ask or keep:
                running = fitting.enter_context(fitting_statistics(model, settings, data, device))
            if ask:
                accuracy, val_loss, temperature = validate(model, data, settings, device)
                record |= {"val_accuracy": accuracy, "val_loss": val_loss}
                if state.chosen.improve(accuracy, val_loss, epoch):
                    saver.save_best(state, model, record, temperature)
                record["best_epoch"] = state.chosen.epoch
            folder.append_metrics(dict(record))
            if keep:
                saver.save_after_epoch(state, model, optimizer, running, record, temperature if ask else 1.0)
        yield Progress(state.step, steps, epoch, record)
        if stopping:
            return


def _initial_model(
    settings: FinetuneSettings, data: FinetuneData, device: torch.device, *, resume: bool
) -> RecognizerNetwork:
    """Create the model with its initial weights: random ones, with a pre-trained encoder if there is one."""
    torch.manual_seed(settings.seed)
    model = build_network(settings, len(data.classes)).to(device)
    if resume:
        return model
    if settings.pretrained is not None:
        check_estimators(settings, data)
        load_model(load_checkpoint(Path(settings.pretrained)), model.encoder, "query.encoder.")
        if settings.head.start == "class-means":
            start_from_class_means(model, data.train, settings.inputs, device)
    elif settings.freeze:
        # An encoder that is never trained has no batch normalization statistics of its own.
        calibrate_encoder(model.encoder, data.train.clips, settings.inputs, device)
    return model


def _pretrained_on(settings: FinetuneSettings, folder: RunFolder, *, going_on: bool) -> Tensor | None:
    """Return the content keys of the pre-training clips; None if there are none or they are not known."""
    if settings.pretrained is None:
        return None
    if going_on:  # the pre-training checkpoint may have been moved
        return read_progress(folder.last, PRETRAINED_ON)
    return read_progress(Path(settings.pretrained), TRAINED_ON)


@dataclass(frozen=True, slots=True)
class _TrainingInput(TensorGroup):
    """The input of one step: the sampled frames, and the class of each clip."""

    frames: EncoderInput
    targets: Int[Tensor, " clips"]


def _training_input(
    raw: RawClips, targets: Int[Tensor, " all"], settings: FinetuneSettings, epoch: int
) -> _TrainingInput:
    seed = (settings.seed, epoch)
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if settings.inputs.noise:
        batch = with_noise(batch, settings.inputs.noise, hash(seed))
    batch = retime(batch, settings.augment, seed)
    batch = sample_training_frames(batch, settings.sampling.frames, settings.sampling.how, seed)
    return _TrainingInput(encoder_input(augment(batch, settings.augment, seed)), targets[raw.numbers])


def _check_finite(watch: LossWatch) -> None:
    found = watch.found()
    if found is not None:
        step, (loss,) = found
        raise NonFiniteLossError(
            f"the loss is {loss} in step {step + 1}",
            "Lower optimizer.learning_rate; the last checkpoint is valid",
        )


def _state_of(checkpoint: Checkpoint, device: torch.device) -> State:
    """Return the state of the loop at the time when a checkpoint was saved."""
    chosen = tensor_of(checkpoint, "chosen", Chosen().tensor())
    sums = sums_of(checkpoint, len(SUMS), 0, 1).to(device)
    return State(checkpoint.header.step, sums, Chosen(*chosen.tolist()))

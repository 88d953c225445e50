"""Pre-training: the loop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from masa_model.inputs.augment import two_views, with_noise
from masa_model.inputs.batch import PoseBatch, RawClips
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import epoch_batches, open_source
from masa_model.network.masa import MASA, Losses
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import load_checkpoint, require_kind
from masa_model.training.data import TrainingData
from masa_model.training.optimizer import make_optimizer, set_learning_rate
from masa_model.training.precision import autocast, settle_precision
from masa_model.training.pretrain_checkpoints import PretrainSaver
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.progress import NonFiniteLossError, Progress
from masa_model.training.restoring import restore_run, sums_of
from masa_model.training.run_folder import RunFolder
from masa_model.training.schedule import alignment_weight, learning_rate_factor

# What is averaged over an epoch and recorded.
MEASURES: Final = (
    "loss",
    "motion_loss",
    "alignment_loss",
    "contrastive_accuracy",
    "masked_share",
    "clips_without_candidate",
    "motion_gradient",
    "alignment_gradient",
    "waiting_share",
)


def pretrain(
    settings: PretrainSettings,
    data: TrainingData,
    folder: RunFolder,
    processes: Processes,
    *,
    stop: Callable[[], bool] = lambda: False,
    after_epoch: Callable[[MASA, int], dict[str, float]] = lambda model, epoch: {},
) -> Iterator[Progress]:
    """Train, a step at each turn; write checkpoints and metrics into the run's folder.

    The result depends on settings, data and number of processes alone: not on stops in between, nor on when
    checkpoints were written.

    Args:
        settings: of the run.
        data: the clips.
        folder: of the run; where it has a checkpoint to go on from, the run goes on.
        processes: who trains together.
        stop: asked after every step; when it says so, a checkpoint is saved and the run ends.
        after_epoch: called with the model and the number of epochs done; what it returns is recorded.

    Raises:
        DataError: if the checkpoint does not fit, or a loss is not finite.
    """
    device, clips = processes.device, data.clips
    settings = settle_precision(settings, device)
    batch_size = settings.batch_size * processes.count
    steps_per_epoch = len(epoch_batches(len(clips), batch_size, settings.seed, 0))
    steps = steps_per_epoch * settings.epochs
    model = build_model(settings, len(clips)).to(device)
    learning = (parameter for parameter in model.parameters() if parameter.requires_grad)
    chosen = settings.optimizer
    optimizer = make_optimizer(chosen, model, [(learning, chosen.learning_rate)])
    saver = PretrainSaver(settings, data, folder, processes, steps)
    step, sums = 0, torch.zeros(len(MEASURES), device=device)
    if processes.any(folder.last.exists()):
        checkpoint = load_checkpoint(folder.last)
        require_kind(folder.last, checkpoint.header, "pretraining")
        restore_run(
            checkpoint,
            settings,
            steps,
            model,
            optimizer,
            lambda: saver.keep_missing(checkpoint.header, model),
        )
        step = checkpoint.header.step
        sums = sums_of(checkpoint, len(MEASURES), processes.rank, processes.count).to(device)
    if processes.first:
        folder.forget_metrics_from(step // steps_per_epoch)
    wrapped = _over_processes(model, processes, compiled=settings.compile)
    source = open_source(clips, device, settings.data.storage)

    for epoch in range(step // steps_per_epoch, settings.epochs):
        order = epoch_batches(len(clips), batch_size, settings.seed, epoch, processes.rank, processes.count)
        batches = _timed(source.batches(order[step % steps_per_epoch :]))
        started, first = time.monotonic(), step
        for raw, waited in batches:
            step_started = time.monotonic()
            set_learning_rate(optimizer, learning_rate_factor(step, steps, chosen.warm_up))
            weight = alignment_weight(step, steps, settings.alignment.weight, settings.alignment.ramp)
            # Dropout and noise too depend on the step alone, not on what ran before.
            torch.manual_seed(hash((settings.seed, step, processes.rank)) & 0x7FFFFFFF)
            batch, as_key, clean = _views(raw, settings, (settings.seed, epoch))
            with autocast(settings.precision, device):
                losses: Losses = wrapped(batch, (settings.seed, epoch), weight, as_key, clean)
            _check_finite(losses, batch, data, processes)
            optimizer.zero_grad()
            losses.total.backward()
            if settings.optimizer.clip_gradients:
                nn.utils.clip_grad_norm_(model.parameters(), settings.optimizer.clip_gradients)
            optimizer.step()
            model.after_step(losses.keys, batch.numbers)

            step += 1
            sums += _measures(losses, model, waited / max(waited + time.monotonic() - step_started, 1e-9))
            stopping, due = processes.any_of(stop(), saver.due())
            if step % steps_per_epoch:
                if stopping or due:
                    saver.save(step, model, optimizer, processes.gather(sums))
                if stopping:
                    processes.wait()
                    return
                yield Progress(step, steps, epoch)

        means = processes.mean(sums / steps_per_epoch).tolist()
        sums = torch.zeros_like(sums)
        record = {"epoch": epoch, "step": step} | dict(zip(MEASURES, means, strict=True))
        record["learning_rate"] = optimizer.param_groups[0]["lr"]
        record["alignment_weight"] = weight
        record["clips_per_second"] = (step - first) * batch_size / (time.monotonic() - started)
        record |= after_epoch(model, epoch + 1)
        if processes.first:
            folder.append_metrics(record)
        nothing = sums.expand(processes.count, -1)
        saver.save_after_epoch(step, model, optimizer, nothing, record, stopping=stopping)
        processes.wait()
        yield Progress(step, steps, epoch, record)
        if stopping:
            return


def _views(
    raw: RawClips, settings: PretrainSettings, seed: tuple[int, ...]
) -> tuple[PoseBatch, PoseBatch, PoseBatch | None]:
    """Clips as the query and the key see them; with noise (Table XIII), also the query's without it.

    By noisy coordinates everything would seem to move: at σ = 10 Alg. 1 would take every frame.
    """
    batch = prepare_clips(raw, settings.inputs.crop_reference, settings.inputs.max_frames)
    if not settings.inputs.noise:
        return *two_views(batch, settings.augment, seed), None
    clean, _ = two_views(batch, settings.augment, seed)
    return *two_views(with_noise(batch, settings.inputs.noise), settings.augment, seed), clean


def _over_processes(model: MASA, processes: Processes, *, compiled: bool) -> nn.Module:
    if compiled:
        for module in (model.query.encoder, model.key.encoder, model.decoder.transformer):
            module.compile(dynamic=True)
    if processes.count == 1:
        return model
    # Buffers are the same everywhere by themselves: statistics and bank are made over all processes.
    return DistributedDataParallel(model, broadcast_buffers=False)


def _timed(batches: Iterator[RawClips]) -> Iterator[tuple[RawClips, float]]:
    """Each batch with the seconds it was waited for."""
    while True:
        started = time.monotonic()
        try:
            raw = next(batches)
        except StopIteration:
            return
        yield raw, time.monotonic() - started


def _measures(losses: Losses, model: MASA, waiting_share: float) -> Tensor:
    """One number for each of MEASURES."""
    nothing = losses.motion.new_zeros(())
    return torch.stack(
        [
            losses.total.detach(),
            losses.motion,
            losses.alignment,
            losses.contrastive_accuracy,
            losses.masked_share,
            losses.clips_without_candidate,
            model.gradient_norms.get("motion", nothing),
            model.gradient_norms.get("alignment", nothing),
            torch.full_like(nothing, waiting_share),
        ]
    )


def _check_finite(losses: Losses, batch: PoseBatch, data: TrainingData, processes: Processes) -> None:
    if not processes.any(not bool(torch.isfinite(losses.total))):
        return
    ids: Sequence[str] = data.clips.column("id")[batch.numbers.cpu().numpy()].tolist()
    raise NonFiniteLossError(
        f"the loss is not finite (motion {float(losses.motion)}, alignment {float(losses.alignment)}) in a "
        f"batch of the clips {json.dumps(ids[:8])}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}",
        "Look at them with masa-inspect, or lower optimizer.learning_rate; the last checkpoint stands",
    )

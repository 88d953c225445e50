"""The training loop of pre-training."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import record_function

from masa_model.inputs.masked import PretrainInput, pretrain_input
from masa_model.inputs.mixing import mixture_of
from masa_model.inputs.sources import epoch_batches, open_source, prepared_on
from masa_model.network.masa import MASA, Losses
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.batch_size import settle_batch_size
from masa_model.training.checkpoint import load_checkpoint, require_kind
from masa_model.training.compiling import compile_network
from masa_model.training.data import TrainingData
from masa_model.training.optimizer import make_optimizer, set_learning_rate
from masa_model.training.precision import autocast, settle_precision
from masa_model.training.pretrain_checkpoints import PretrainSaver
from masa_model.training.pretrained import build_model
from masa_model.training.processes import Processes
from masa_model.training.progress import (
    STEPS_BETWEEN_CHECKS,
    WAITING,
    LossWatch,
    NonFiniteLossError,
    Progress,
)
from masa_model.training.recomputing import recompute_activations
from masa_model.training.restoring import restore_run, sums_of
from masa_model.training.run_folder import RunFolder
from masa_model.training.schedule import alignment_weight, learning_rate_factor

# Measurements that are averaged over an epoch and recorded.
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
    """Train, one step for each item of the iterator, and write checkpoints and metrics to the run's folder.

    The result depends only on settings, data and number of processes: not on interruptions, and not on when
    checkpoints were written.

    Args:
        settings: settings of the run.
        data: training clips.
        folder: folder of the run; if it contains a checkpoint, the run resumes from it.
        processes: the processes that train together.
        stop: called after every step; if it returns True, a checkpoint is saved and training stops.
        after_epoch: called after every epoch with the model and the number of completed epochs; the
            measurements that it returns are recorded.

    Yields:
        the progress after each step.

    Raises:
        DataError: if a checkpoint does not match the run, or a loss is not finite.
    """
    device, clips = processes.device, data.clips
    settings = settle_precision(settings, device)
    batch_size = settle_batch_size(settings, clips, processes).clips
    settings = settings.model_copy(update={"batch_size": batch_size})
    used = mixture_of(clips, settings.data.mix) or len(clips)
    steps_per_epoch = len(epoch_batches(used, batch_size, settings.seed, 0))
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
    if settings.recompute:
        recompute_activations(model)
    if settings.compile:
        compile_network(model)
    wrapped = _over_processes(model, processes)
    source = open_source(clips, settings.data.storage)
    watch = LossWatch(device, 2)

    for epoch in range(step // steps_per_epoch, settings.epochs):
        order = epoch_batches(used, batch_size, settings.seed, epoch, processes.rank, processes.count)
        prepare = partial(pretrain_input, settings=settings, epoch=epoch)
        batches = _timed(prepared_on(source, order[step % steps_per_epoch :], prepare, device))
        started, first = time.monotonic(), step
        for given, waited in batches:
            step_started = time.monotonic()
            set_learning_rate(optimizer, learning_rate_factor(step, steps, chosen.warm_up))
            weight = alignment_weight(step, steps, settings.alignment.weight, settings.alignment.ramp)
            # Seed dropout by the step, so that a resumed run draws the same numbers.
            torch.manual_seed(hash((settings.seed, step, processes.rank)) & 0x7FFFFFFF)
            with autocast(settings.precision, device):
                losses: Losses = wrapped(given, weight)
            watch.see(step, losses.motion, losses.alignment)
            optimizer.zero_grad()
            losses.total.backward()
            if settings.optimizer.clip_gradients:
                nn.utils.clip_grad_norm_(model.parameters(), settings.optimizer.clip_gradients)
            optimizer.step()
            model.after_step(losses.keys, given.numbers)

            step += 1
            waiting_share = waited / max(waited + time.monotonic() - step_started, 1e-9)
            sums += _measures(losses, given, model, waiting_share)
            stopping, due = processes.any_of(stop(), saver.due())
            if stopping or due or step % STEPS_BETWEEN_CHECKS == 0 or step % steps_per_epoch == 0:
                _check_finite(watch, settings, batch_size, data, processes)
            if step % steps_per_epoch:
                if stopping or due:
                    saver.save(step, model, optimizer, processes.gather(sums), stopping=stopping)
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


def _over_processes(model: MASA, processes: Processes) -> nn.Module:
    if processes.count == 1:
        return model
    # Buffers need no broadcast: statistics and memory bank are computed over all processes.
    return DistributedDataParallel(model, broadcast_buffers=False)


def _timed(batches: Iterator[PretrainInput]) -> Iterator[tuple[PretrainInput, float]]:
    """Yield each batch with the time spent waiting for it, in seconds."""
    while True:
        started = time.monotonic()
        try:
            with record_function(WAITING):
                given = next(batches)
        except StopIteration:
            return
        yield given, time.monotonic() - started


def _measures(losses: Losses, given: PretrainInput, model: MASA, waiting_share: float) -> Tensor:
    """Return one number for each of MEASURES."""
    nothing = losses.motion.new_zeros(())
    return torch.stack(
        [
            losses.total.detach(),
            losses.motion,
            losses.alignment,
            losses.contrastive_accuracy,
            given.clips.masked_share,
            given.clips.clips_without_candidate,
            model.gradient_norms.get("motion", nothing),
            model.gradient_norms.get("alignment", nothing),
            torch.full_like(nothing, waiting_share),
        ]
    )


def _check_finite(
    watch: LossWatch, settings: PretrainSettings, batch_size: int, data: TrainingData, processes: Processes
) -> None:
    """Raise an error, in all processes, if the loss of a past step was not finite in one of them."""
    found = watch.found()
    if not processes.any(found is not None):
        return
    if found is None:
        raise NonFiniteLossError("the loss of another process is not finite", "See its message")
    step, (motion, alignment) = found
    used = mixture_of(data.clips, settings.data.mix) or len(data.clips)
    epoch, place = divmod(step, len(epoch_batches(used, batch_size, settings.seed, 0)))
    numbers = epoch_batches(used, batch_size, settings.seed, epoch, processes.rank, processes.count)[place]
    ids: Sequence[str] = data.clips.column("id")[numbers].tolist()
    raise NonFiniteLossError(
        f"the loss is not finite (motion {motion}, alignment {alignment}) in step {step + 1}, in a batch of "
        f"the clips {json.dumps(ids[:8])}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}",
        "Check the clips with masa-inspect, or lower optimizer.learning_rate; the last checkpoint is valid",
    )

"""The functions of the Python interface: pre-train, fine-tune, probe and evaluate with one call each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from masa_data.shards.dataset import PoseDataset
from masa_model.evaluation.evaluate import Evaluation, open_test_data, score
from masa_model.evaluation.evaluate import evaluate as count
from masa_model.evaluation.probe import ProbeResult, untrained_encoder
from masa_model.evaluation.probe import probe as probe_encoder
from masa_model.network.calibration import calibrate_encoder
from masa_model.runs.beginning import held_by
from masa_model.runs.finetuning import Finetuning
from masa_model.runs.pretraining import Pretraining
from masa_model.runs.run import Run
from masa_model.settings.choices import Recipe, Size
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.settings.resolve import check_effects, grouped, merged, resolve_settings
from masa_model.training.pretrained import load_pretrained, with_pretrained
from masa_model.training.processes import joined_processes
from masa_model.training.progress import Progress
from masa_model.training.recognizer import Recognizer
from masa_model.training.run_folder import RunFolder

Files: TypeAlias = str | Path | Sequence[str | Path]


def pretrain(
    files: Files,
    *,
    size: Size = "base",
    epochs: int | None = None,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    run: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: bool = True,
) -> Run:
    """Pre-train MASA on the clips of one or several files, without labels (sections III-B and III-C).

    The loss is L = L_m + λ_s L_s (Eq. 9): the network predicts the motion of masked frames (Eq. 4), and
    distinguishes each clip from the others (Eq. 8). Ctrl-C stops the run; training since the last checkpoint
    is lost, with the default settings at most ten minutes.

    Args:
        files: files of pose tracks.
        size: preset of the network and the recipe: "base" is the paper's and needs a GPU; "small" and "tiny"
            are for one machine.
        epochs: number of passes over the clips; None = 400, 200 or 10 for "base", "small" or "tiny".
        seed: random seed of the initial weights, the order of clips and the masks.
        settings: other settings by dotted name, such as {"motion.interval": 5}.
        run: folder of the run; None = the next free one in runs/.
        resume: whether to resume `run` with its own settings; a larger `epochs` makes the run longer.
        device: device to compute on: "auto" (the GPU if there is one), "cpu", "cuda", "cuda:1".
        progress: whether to show a progress bar.

    Returns:
        the run, with its metrics, its curves and the trained encoder.

    Raises:
        DataError: if files, settings or folder cannot be used, or the loss is not finite.

    Example:
        >>> run = pretrain("out.h5", size="tiny")  # doctest: +SKIP
        >>> features = run.encoder()  # doctest: +SKIP
    """
    said = merged({"size": size, "epochs": epochs, "seed": seed}, grouped(settings or {}))
    with joined_processes(device) as processes:
        if resume:
            job = Pretraining.resumed(_to_resume(run), processes, _paths(files), epochs)
        else:
            chosen = resolve_settings(PretrainSettings, options=said)
            check_effects(chosen, said)
            job = Pretraining.new(_paths(files), chosen, processes, Path(run) if run else None)
        with held_by(job.folder, processes):
            _show(job.train, "Pre-training", shown=progress and processes.first)
    return Run(job.folder.path)


def finetune(
    files: Files,
    *,
    pretrained: str | Path | Run | None = None,
    recipe: Recipe = "paper",
    epochs: int | None = None,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    run: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: bool = True,
) -> Run:
    """Train a recognizer on the labeled clips of split train; the clips of split val choose the best epoch.

    Args:
        files: files of pose tracks with labels and splits.
        pretrained: a run of pre-training, its folder, or one of its checkpoints; None = random weights, with
            the network of the setting `size`.
        recipe: preset of the settings: "paper", or "tuned", which was tuned on small data.
        epochs: number of passes over the clips; None = 60.
        seed: random seed of the initial weights, the order of clips and the sampling of frames.
        settings: other settings by dotted name, such as {"data.subset": "wlasl100", "data.shots": 5}.
        run: folder of the run; None = the next free one in runs/.
        resume: whether to resume `run` with its own settings; a larger `epochs` makes the run longer.
        device: device to compute on: "auto" (the GPU if there is one), "cpu", "cuda", "cuda:1".
        progress: whether to show a progress bar.

    Returns:
        the run, with its metrics, its curves and the recognizer.

    Raises:
        DataError: if files, settings, checkpoint or folder cannot be used, or the loss is not finite.

    Example:
        >>> run = finetune("out.h5", pretrained="runs/pretrain-001", recipe="tuned")  # doctest: +SKIP
        >>> evaluate(run)  # doctest: +SKIP
    """
    said = merged({"recipe": recipe, "epochs": epochs, "seed": seed}, grouped(settings or {}))
    with joined_processes(device) as processes:
        if resume:
            job = Finetuning.resumed(_to_resume(run), processes, _paths(files), epochs)
        else:
            chosen = resolve_settings(FinetuneSettings, options=said)
            if pretrained is not None:
                chosen = with_pretrained(chosen, _checkpoint(pretrained), said)
            check_effects(chosen, said)
            job = Finetuning.new(_paths(files), chosen, processes, Path(run) if run else None)
        with held_by(job.folder, processes):
            _show(job.train, "Fine-tuning", shown=progress)
    return Run(job.folder.path)


def evaluate(
    run: str | Path | Run | Recognizer,
    files: Files | None = None,
    *,
    split: str = "test",
    subset: str | None = None,
    views: int = 1,
    force: bool = False,
    device: str = "auto",
) -> Evaluation:
    """Evaluate a recognizer on clips that were not used for training.

    Args:
        run: a run of fine-tuning, its folder, one of its checkpoints, or a loaded recognizer.
        files: files of pose tracks; None = the files of the run.
        split: split to evaluate on: "train", "val", "test" or "none"; several are joined with "+".
        subset: name of a subset of labels, such as "wlasl100"; None = the subset of the run.
        views: number of windows of each clip whose probabilities are averaged.
        force: whether to evaluate even if clips were used for training, or are of another pose estimator.
        device: device to compute on; a loaded recognizer stays on its own device.

    Returns:
        top-1, top-2 and top-5 accuracy per clip and per class with 95 % intervals, and the confused classes.

    Raises:
        DataError: if there are no such clips, or they were used for training.

    Example:
        >>> found = evaluate("runs/finetune-001")  # doctest: +SKIP
        >>> found.total.per_instance[1].value  # doctest: +SKIP
        0.87
    """
    with joined_processes(device) as processes:
        if isinstance(run, Recognizer):
            recognizer = run
        else:
            path = run.path if isinstance(run, Run) else Path(run)
            recognizer = Recognizer.load(path, processes.device)
        paths = _paths(files) if files else RunFolder(recognizer.path.parent.parent).files()
        subset = subset or recognizer.settings.data.subset
        data = open_test_data(recognizer, paths, split.split("+"), subset, force=force)
        return count(score(recognizer, data, recognizer.device, views=views), data.clips)


def probe(
    run: str | Path | Run, files: Files | None = None, *, device: str = "auto"
) -> dict[str, ProbeResult]:
    """Measure how well pre-trained features separate signs: fit on clips of train, predict clips of val.

    Args:
        run: a run of pre-training, its folder, or one of its checkpoints.
        files: files of pose tracks with labels and splits; None = the files of the run.
        device: device to compute on: "auto" (the GPU if there is one), "cpu", "cuda", "cuda:1".

    Returns:
        the results of the "trained" network, and of the same network with random weights ("untrained"). Both
        use batch normalization statistics of the training clips.

    Raises:
        DataError: if the checkpoint or the files cannot be used, or no class is in both train and val.

    Example:
        >>> found = probe("runs/pretrain-001")  # doctest: +SKIP
        >>> found["trained"].means()["neighbor_1"]  # doctest: +SKIP
        0.69
    """
    checkpoint = _checkpoint(run)
    paths = _paths(files) if files else RunFolder(checkpoint.parent.parent).files()
    with joined_processes(device) as processes:
        model, settings, _ = load_pretrained(checkpoint)
        trained = model.query.encoder.to(processes.device)
        train, val = (
            PoseDataset.open(*paths, splits=[split], any_estimator=settings.data.any_estimator)
            for split in ("train", "val")
        )
        calibrate_encoder(trained, train, settings.inputs, processes.device)
        untrained = untrained_encoder(settings, train, processes.device, settings.seed)
        return {
            name: probe_encoder(encoder, train, val, settings.inputs, processes.device)
            for name, encoder in (("trained", trained), ("untrained", untrained))
        }


def _paths(files: Files) -> tuple[Path, ...]:
    return (Path(files),) if isinstance(files, str | Path) else tuple(map(Path, files))


def _to_resume(run: str | Path | None) -> RunFolder:
    folder = RunFolder.newest("pretrain") if run is None else RunFolder(Path(run))
    folder.require_run()
    return folder


def _checkpoint(run: str | Path | Run) -> Path:
    path = run.path if isinstance(run, Run) else Path(run)
    return RunFolder(path).last if path.is_dir() else path


def _show(train: Callable[[], Iterator[Progress]], what: str, *, shown: bool) -> None:
    """Run the training and show a progress bar."""
    with _bar(what, shown=shown) as tell:
        for progress in train():
            tell(progress)


@contextmanager
def _bar(what: str, *, shown: bool) -> Iterator[Callable[[Progress], Any]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, disable=not shown) as bar:
        task = bar.add_task(what, total=None)

        def tell(progress: Progress) -> None:
            text = f"{what}, epoch {progress.epoch + 1}"
            bar.update(task, completed=progress.step, total=progress.steps, description=text)

        yield tell

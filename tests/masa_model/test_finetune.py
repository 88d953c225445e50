from pathlib import Path

import numpy as np
import pytest
import torch

from masa_data import DataError
from masa_model.inputs.frames import encoder_input
from masa_model.inputs.labeled import FinetuneData, open_finetune_data
from masa_model.inputs.parts import prepare_clips
from masa_model.inputs.sources import raw_clips
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.training.checkpoint import CheckpointHeader, load_checkpoint
from masa_model.training.finetune import finetune
from masa_model.training.pretrained import build_model, with_pretrained
from masa_model.training.recipe import class_weights
from masa_model.training.recognizer import Recognizer, build_network
from masa_model.training.run_folder import RunFolder
from masa_model.training.saving import save_checkpoint
from tests.conftest import make_track
from tests.masa_model.made_up_signs import LARGER, NETWORK, make_sign, signs, write

CPU = torch.device("cpu")


@pytest.fixture
def file(tmp_path, provenance):
    return write(tmp_path / "signs.h5", provenance, signs())


def settings_with(**values: object) -> FinetuneSettings:
    return FinetuneSettings.model_validate({"network": NETWORK, "batch_size": 8, "epochs": 3, **values})


def opened(file: Path, settings: FinetuneSettings) -> FinetuneData:
    return open_finetune_data([file], settings.data, settings.seed)


def train(
    path: Path, settings: FinetuneSettings, data: FinetuneData, *, resume: bool = False, **options: object
) -> RunFolder:
    folder = RunFolder(path) if resume else RunFolder.create("finetune", path)
    for _ in finetune(settings, data, folder, CPU, **options):
        pass
    return folder


@pytest.mark.parametrize(
    ("recipe", "learning_rate", "precision"),
    [("paper", 0.03, "fp32"), ("tuned", 0.01, "fp32"), ("paper", 0.03, "bf16")],
)
def test_it_learns_signs_it_has_not_seen(tmp_path, provenance, recipe, learning_rate, precision):
    """Forty clips are asked, and all are known well before the end: no rounding of a processor decides."""
    tracks = signs(train=12, val=4, test=10)
    file = write(tmp_path / "many.h5", provenance, tracks)
    settings = settings_with(
        recipe=recipe,
        epochs=16,
        optimizer={"learning_rate": learning_rate},
        precision=precision,
        network=LARGER,
    )
    folder = train(tmp_path / "run", settings, opened(file, settings))
    recognizer = Recognizer.load(folder.path)
    tests = [track for track in tracks if track.info.split == "test"]
    guesses = [guesses[0].gloss for guesses in recognizer.predict_all(tests)]
    assert np.mean([guess == track.info.gloss for guess, track in zip(guesses, tests, strict=True)]) > 0.8


def test_a_run_that_is_stopped_ends_as_one_that_is_not(tmp_path, file):
    settings = settings_with(
        recipe="tuned", epochs=4, head={"pooling": "softmax"}, augment={"hand_swap": 0.5, "rotation": 5.0}
    )
    data = opened(file, settings)
    whole = train(tmp_path / "whole", settings, data)
    steps = iter(range(1000))
    stopped = train(tmp_path / "stopped", settings, data, stop=lambda: next(steps) == 4)  # within epoch 2
    assert load_checkpoint(stopped.last).header.step == 5
    train(stopped.path, settings, data, resume=True)
    for name in ("last", "best"):
        one, other = (load_checkpoint(run.checkpoints / f"{name}.safetensors") for run in (whole, stopped))
        assert one.header.step == other.header.step
        for tensor, value in one.model.items():
            assert value.equal(other.model[tensor]), tensor
    kept = [[line["val_loss"] for line in run.read_metrics()] for run in (whole, stopped)]
    assert kept[0] == kept[1]


def test_stopping_with_sgd_keeps_its_momentum(tmp_path, file):
    settings = settings_with(epochs=2)
    data = opened(file, settings)
    whole = train(tmp_path / "whole", settings, data)
    steps = iter(range(1000))
    stopped = train(tmp_path / "stopped", settings, data, stop=lambda: next(steps) == 3)
    train(stopped.path, settings, data, resume=True)
    one, other = load_checkpoint(whole.last), load_checkpoint(stopped.last)
    assert all(value.equal(other.model[name]) for name, value in one.model.items())


def test_the_best_epoch_is_that_of_val_and_test_plays_no_part(tmp_path, file, provenance):
    settings = settings_with(epochs=6, optimizer={"learning_rate": 0.3})
    folder = train(tmp_path / "run", settings, opened(file, settings))
    lines = folder.read_metrics()
    best = max(range(6), key=lambda epoch: (lines[epoch]["val_accuracy"], -lines[epoch]["val_loss"]))
    assert Recognizer.load(folder.path, CPU).header.metrics["epoch"] == best
    without_test = write(tmp_path / "b.h5", provenance, [t for t in signs() if t.info.split != "test"])
    other = train(tmp_path / "other", settings, opened(without_test, settings))
    one, two = Recognizer.load(folder.path, CPU).model, Recognizer.load(other.path, CPU).model
    assert all(a.equal(b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


def test_without_val_the_last_epoch_is_kept(tmp_path, provenance):
    file = write(tmp_path / "a.h5", provenance, signs(val=0))
    settings = settings_with()
    folder = train(tmp_path / "run", settings, opened(file, settings))
    assert not (folder.checkpoints / "best.safetensors").exists()
    assert Recognizer.load(folder.path, CPU).header.step == Recognizer.load(folder.path, CPU).header.steps


def pretrained(path: Path, data: FinetuneData, **network: object) -> Path:
    """A checkpoint of pre-training, before its first step."""
    settings = PretrainSettings.model_validate({"size": "tiny", "network": {**NETWORK, **network}})
    header = CheckpointHeader(
        kind="pretraining",
        step=0,
        steps=1,
        settings=settings.model_dump(mode="json"),
        estimator=data.train.clips.files[0].provenance.estimator,
        fingerprints=(),
    )
    torch.manual_seed(7)
    save_checkpoint(path, header, build_model(settings, 10))
    return path


def test_pretrained_weights_arrive_and_frozen_ones_stay(tmp_path, file):
    data = opened(file, settings_with())
    checkpoint = pretrained(tmp_path / "p.safetensors", data)
    settings = with_pretrained(FinetuneSettings(freeze=True, epochs=2, batch_size=8), checkpoint)
    folder = train(tmp_path / "run", settings, data)
    query = load_checkpoint(checkpoint).model
    model = Recognizer.load(folder.path, CPU).model
    for name, value in model.encoder.state_dict().items():
        assert value.equal(query[f"query.encoder.{name}"]), name
    first = build_network(settings, 4)
    assert not model.head.weight.equal(first.head.weight)
    free = train(tmp_path / "free", settings.model_copy(update={"freeze": False}), data)
    moved = Recognizer.load(free.path, CPU).model.encoder.state_dict()
    assert not moved["encoder.blocks.0.widen.weight"].equal(
        query["query.encoder.encoder.blocks.0.widen.weight"]
    )


def test_what_is_said_of_a_pretrained_run_acts_or_is_refused(tmp_path, file):
    data = opened(file, settings_with())
    checkpoint = pretrained(tmp_path / "p.safetensors", data, graph_dropout=0.2)
    plain = with_pretrained(FinetuneSettings(), checkpoint)
    assert (plain.inputs.crop_reference, plain.inputs.max_frames) == ("frame", 150)
    assert plain.network.graph_dropout == 0.2
    said = {
        "inputs": {"crop_reference": "clip", "max_frames": 40, "noise": 2.0},
        "network": {"graph_dropout": 0.0, "part": plain.network.part},
    }
    changed = with_pretrained(FinetuneSettings(inputs=said["inputs"]), checkpoint, said)
    assert changed.inputs.model_dump() == said["inputs"]
    assert changed.network == plain.network.model_copy(update={"graph_dropout": 0.0})
    some = with_pretrained(FinetuneSettings(inputs={"max_frames": 40}), checkpoint).inputs
    assert (some.crop_reference, some.max_frames) == ("frame", 40)
    for name, value in (("hidden", 99), ("norm", "layer"), ("encoder_blocks", 7)):
        with pytest.raises(DataError, match=rf"has network\.{name} = .*, the setting says {value}"):
            with_pretrained(FinetuneSettings(), checkpoint, {"network": {name: value}})


def test_noise_acts_on_what_is_learned_from_and_on_val(tmp_path, file):
    runs = {}
    for noise in (0.0, 20.0):
        settings = settings_with(epochs=1, inputs={"noise": noise})
        runs[noise] = [
            train(tmp_path / f"{noise}-{n}", settings, opened(file, settings)).read_metrics()[0] for n in "ab"
        ]
        for name in ("loss", "val_loss"):  # drawn from the seed and the step
            assert runs[noise][0][name] == runs[noise][1][name]
    assert runs[0.0][0]["loss"] != runs[20.0][0]["loss"]
    assert runs[0.0][0]["val_loss"] != runs[20.0][0]["val_loss"]


def test_the_head_learns_first_and_a_stop_in_between_changes_nothing(tmp_path, file):
    data = opened(file, settings_with())
    start = with_pretrained(
        FinetuneSettings.model_validate(
            {"recipe": "tuned", "epochs": 4, "batch_size": 8, "optimizer": {"head_first": 0.5}}
        ),
        pretrained(tmp_path / "p.safetensors", data),
    )
    query = load_checkpoint(tmp_path / "p.safetensors").model

    def moved(checkpoint: Path) -> set[str]:
        model = load_checkpoint(checkpoint).model
        names = (name for name in model if name.startswith("encoder."))
        return {name for name in names if not model[name].equal(query[f"query.{name}"])}

    whole = train(tmp_path / "whole", start, data)
    steps = iter(range(1000))
    halfway = load_checkpoint(whole.last).header.steps // 2
    stopped = train(tmp_path / "stopped", start, data, stop=lambda: next(steps) == halfway - 1)
    assert load_checkpoint(stopped.last).header.step == halfway
    assert not moved(stopped.last)
    train(stopped.path, start, data, resume=True)
    assert any("running_mean" in name for name in moved(whole.last))
    assert any(name.endswith("widen.weight") for name in moved(whole.last))
    one, other = load_checkpoint(whole.last), load_checkpoint(stopped.last)
    assert all(value.equal(other.model[name]) for name, value in one.model.items())


def test_from_scratch_the_whole_network_learns_from_the_start(tmp_path, file):
    settings = settings_with(recipe="tuned", epochs=1, optimizer={"head_first": 1.0})
    folder = train(tmp_path / "run", settings, opened(file, settings))
    torch.manual_seed(settings.seed)
    first = build_network(settings, 4).encoder.state_dict()
    last = Recognizer.load(folder.path, CPU).model.encoder.state_dict()
    assert not first["encoder.blocks.0.widen.weight"].equal(last["encoder.blocks.0.widen.weight"])


def test_what_does_not_fit_is_said_in_words(tmp_path, file, provenance):
    data = opened(file, settings_with())
    checkpoint = pretrained(tmp_path / "p.safetensors", data)
    with pytest.raises(DataError, match="size tiny, but the setting says small"):
        with_pretrained(FinetuneSettings(size="small"), checkpoint)
    unlabeled = [make_track(f"{n}", split="train") for n in range(3)]
    nothing = write(tmp_path / "n.h5", provenance, unlabeled)
    with pytest.raises(DataError, match="0 labels, expected at least two"):
        opened(nothing, settings_with())
    with pytest.raises(
        DataError, match="no clip is of subset wlasl100; the files contain the corpora made-up"
    ):
        opened(file, settings_with(data={"subset": "wlasl100"}))
    tests_only = write(tmp_path / "t.h5", provenance, signs(train=0, val=0))
    with pytest.raises(DataError, match="no clip is of split train; found test"):
        opened(tests_only, settings_with())
    folder = train(tmp_path / "run", settings_with(epochs=1), data)
    with pytest.raises(DataError, match="is of kind recogniser, expected pretraining"):
        with_pretrained(FinetuneSettings(), folder.last)
    with pytest.raises(DataError, match="is of kind pretraining, expected recogniser"):
        Recognizer.load(checkpoint, CPU)
    other = provenance.model_copy(
        update={"estimator": provenance.estimator.model_copy(update={"version": "2"})}
    )
    foreign = opened(write(tmp_path / "f.h5", other, signs()), settings_with())
    with pytest.raises(DataError, match=r"another estimator in .* \(there / here: version: 1 / 2\)"):
        train(tmp_path / "foreign", with_pretrained(FinetuneSettings(), checkpoint), foreign)


def test_shots_are_so_many_clips_a_class_and_depend_on_the_seed(file):
    settings = settings_with(data={"shots": 2})
    draws = [
        sorted(open_finetune_data([file], settings.data, seed).train.clips.column("id").tolist())
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]
    data = opened(file, settings)
    assert np.bincount(data.train.targets).tolist() == [2, 2, 2, 2]
    assert len(data.val) == 8


def test_balanced_weights_give_rare_classes_their_say(tmp_path, provenance):
    tracks = [track for track in signs() if track.info.gloss in ("left", "right")]
    rare = [t for t in tracks if t.info.split != "train" or t.info.gloss == "left" or t.info.id[-1] == "0"]
    data = opened(write(tmp_path / "a.h5", provenance, rare), settings_with())
    assert np.bincount(data.train.targets).tolist() == [6, 1]
    weights = class_weights(settings_with(class_weights="balanced"), data)
    torch.testing.assert_close(weights, torch.tensor([7 / 12, 7 / 2]))


@pytest.mark.parametrize("pooling", ["average", "softmax"])
def test_the_answer_for_a_clip_does_not_depend_on_its_neighbors(pooling):
    settings = settings_with(head={"pooling": pooling, "kind": "batch-norm"})
    model = build_network(settings, 4).eval()
    tracks = [make_sign("a", 0, 5), make_sign("b", 1, 40), make_sign("c", 2, 17)]
    with torch.no_grad():
        together = model(encoder_input(prepare_clips(raw_clips(tracks))))
        alone = torch.cat([model(encoder_input(prepare_clips(raw_clips([track])))) for track in tracks])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)

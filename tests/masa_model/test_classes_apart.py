"""Files extracted apart give what one file gives; clips that pre-training saw are known again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from click.testing import CliRunner
from masa_cli import evaluate as evaluate_command

from masa_data import DataError, PoseDataset, PoseShards
from masa_data.editing.relabel import deal_splits
from masa_data.tracks.provenance import SplitRule
from masa_model.evaluation.evaluate import evaluate, open_test_data, score
from masa_model.evaluation.probe import shared_labels
from masa_model.inputs.labeled import Classes, open_finetune_data
from masa_model.settings.finetune import FinetuneSettings
from masa_model.settings.pretrain import PretrainSettings
from masa_model.torch_dataset import TorchPoseDataset
from masa_model.training.data import open_training_data
from masa_model.training.finetune import finetune
from masa_model.training.pretrain import pretrain
from masa_model.training.pretrained import with_pretrained
from masa_model.training.processes import Processes
from masa_model.training.recognizer import Recognizer, classes_of
from masa_model.training.run_folder import RunFolder
from tests.masa_model.made_up_signs import GLOSSES, LARGER, NETWORK, signs, write
from tests.masa_model.test_recognize_commands import PROVENANCE

CPU = torch.device("cpu")


def by_alphabet(tracks, corpus="folder"):
    """Numbered as a file of these clips alone numbers them."""
    known = sorted({track.info.gloss for track in tracks})
    return [
        replace(track, info=replace(track.info, corpus=corpus, label=known.index(track.info.gloss)))
        for track in tracks
    ]


def of_split(split, *, without=(), clips=None):
    tracks = signs() if clips is None else signs(clips, clips, clips)
    return [t for t in tracks if t.info.split == split and t.info.gloss not in without]


def settings_with(**values):
    return FinetuneSettings.model_validate({"network": NETWORK, "batch_size": 8, "epochs": 1, **values})


def train(path: Path, settings: FinetuneSettings, *files: Path) -> RunFolder:
    folder = RunFolder.create("finetune", path)
    for _ in finetune(settings, open_finetune_data(files, settings.data), folder, CPU):
        pass
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run that tells the four signs apart, from a file of train and one of val that lacks one of them."""
    folder = tmp_path_factory.mktemp("apart")
    write(folder / "train.h5", PROVENANCE, by_alphabet(of_split("train", clips=12)))
    write(folder / "val.h5", PROVENANCE, by_alphabet(of_split("val", without=["down"])))
    settings = settings_with(epochs=16, optimizer={"learning_rate": 0.03}, network=LARGER)
    return train(folder / "run", settings, folder / "train.h5", folder / "val.h5")


def targets_of(data):
    classes = Classes.of(data.clips)
    assert len(classes)
    return dict(zip(data.clips.column("id").tolist(), data.targets.tolist(), strict=True))


@pytest.mark.parametrize("missing", GLOSSES)
def test_separate_files_of_train_and_val_learn_as_one(tmp_path, provenance, missing):
    tracks, val = of_split("train"), of_split("val", without=[missing])
    one = write(tmp_path / "one.h5", provenance, by_alphabet(tracks + val))
    apart = [
        write(tmp_path / "val.h5", provenance, by_alphabet(val)),
        write(tmp_path / "train.h5", provenance, by_alphabet(tracks)),
    ]
    settings = settings_with().data
    whole, parts = open_finetune_data([one], settings), open_finetune_data(apart, settings)
    assert parts.classes.glosses == whole.classes.glosses == tuple(sorted(GLOSSES))
    for mine, theirs in ((parts.train, whole.train), (parts.val, whole.val)):
        assert targets_of(mine) == targets_of(theirs)
    assert len(parts.val) == 6


@pytest.mark.parametrize("missing", GLOSSES)
def test_a_test_file_that_lacks_a_gloss_is_evaluated_as_one_that_does_not(run, tmp_path, missing):
    recognizer = Recognizer.load(run.path, CPU)
    tests = by_alphabet(of_split("test", clips=10))
    of_all = tmp_path / "all.h5", tests
    of_some = tmp_path / "some.h5", by_alphabet(of_split("test", without=[missing], clips=10))
    guesses = []
    for path, tracks in (of_all, of_some):
        write(path, PROVENANCE, tracks)
        data = open_test_data(recognizer, [path], ["test"], None)
        said = score(recognizer, data, CPU)
        assert [said.glosses[target] for target in data.targets] == data.clips.column("gloss").tolist()
        guesses.append(dict(zip(said.ids, said.probabilities.argmax(1), strict=True)))
        found = evaluate(said, data.clips)
        assert found.total.per_instance[1].value > 0.8
        assert {true for true, _, _ in found.confused} <= {track.info.gloss for track in tracks}
    assert guesses[1].items() <= guesses[0].items()


def test_probing_and_torch_datasets_number_val_as_train(tmp_path, provenance):
    files = [
        write(tmp_path / "train.h5", provenance, by_alphabet(of_split("train"))),
        write(tmp_path / "val.h5", provenance, by_alphabet(of_split("val", without=["down"]))),
    ]
    train_clips, val_clips = (PoseDataset.open(file) for file in files)
    known, asked = shared_labels(train_clips, val_clips)
    names = sorted(GLOSSES)
    assert [names[label] for label in known] == train_clips.column("gloss").tolist()
    assert [names[label] for label in asked] == val_clips.column("gloss").tolist()
    items = TorchPoseDataset(val_clips, TorchPoseDataset(train_clips).classes)
    assert [names[items[number]["label"]] for number in range(len(items))] == val_clips.column(
        "gloss"
    ).tolist()


def test_other_numbers_of_an_official_corpus_are_refused(tmp_path, provenance, run):
    def wlasl(track, label):
        return replace(track, info=replace(track.info, corpus="wlasl", label=label))

    numbers = {"left": 3, "right": 700, "up": 12, "down": 1999}
    tracks = [wlasl(track, numbers[track.info.gloss]) for track in of_split("train")]
    others = by_alphabet(of_split("val", without=["down"]), "wlasl")
    files = [write(tmp_path / "a.h5", provenance, tracks), write(tmp_path / "b.h5", provenance, others)]
    with pytest.raises(DataError, match=r"'left' of 'wlasl' is class 3 in .*a.h5 and 0 in .*b.h5; 2 more"):
        open_finetune_data(files, settings_with().data)


def test_clips_of_another_corpus_are_told_from_unknown_ones(run, tmp_path):
    recognizer = Recognizer.load(run.path, CPU)
    path = write(tmp_path / "csv.h5", PROVENANCE, by_alphabet(of_split("test"), "csv"))
    with pytest.raises(
        DataError, match=r"none of the 12 clips is of a class .*such as 'down' in 'csv' and 'folder'"
    ):
        open_test_data(recognizer, [path], ["test"], None)


def test_a_run_that_goes_on_keeps_the_order_of_its_outputs(run, tmp_path):
    """Checkpoints of earlier versions have their classes in the order of numbers, not of glosses."""
    data = [run.path.parent / name for name in ("train.h5", "val.h5")]
    begun_with = classes_of(run.last)
    assert begun_with is not None
    turned = Classes(begun_with.pairs[::-1], begun_with.glosses[::-1])
    settings = settings_with().data
    usual, other = open_finetune_data(data, settings), open_finetune_data(data, settings, 0, turned)
    assert other.classes.glosses == usual.classes.glosses[::-1]
    assert (other.train.targets == 3 - usual.train.targets).all()
    assert (other.val.targets == 3 - usual.val.targets).all()
    fewer = Classes(turned.pairs[1:], turned.glosses[1:])
    with pytest.raises(
        DataError, match="have 4 classes, which differ from the 3 that the run was started with"
    ):
        open_finetune_data(data, settings, 0, fewer)


PRETRAINING = {"size": "tiny", "epochs": 1, "batch_size": 8, "alignment": {"bank_size": 4, "features": 6}}


def pretrained(folder: Path, file: Path, splits: tuple[str, ...]) -> Path:
    settings = PretrainSettings.model_validate(
        {**PRETRAINING, "network": {**NETWORK, "decoder_blocks": 1}, "data": {"splits": splits}}
    )
    run = RunFolder.create("pretrain", folder)
    data = open_training_data([file], splits)
    for _ in pretrain(settings, data, run, Processes(0, 1, CPU)):
        pass
    return run.last


def fine_tuned(tmp_path, file: Path, splits: tuple[str, ...], name: str) -> Recognizer:
    checkpoint = pretrained(tmp_path / f"{name}-pretraining", file, splits)
    settings = with_pretrained(FinetuneSettings(epochs=1, batch_size=8), checkpoint)
    return Recognizer.load(train(tmp_path / name, settings, file).path, CPU)


def test_clips_that_pretraining_saw_are_refused(tmp_path, provenance):
    file = write(tmp_path / "a.h5", provenance, by_alphabet(signs(train=3, val=1)))
    honest = fine_tuned(tmp_path, file, ("train",), "honest")
    assert len(open_test_data(honest, [file], ["test"], None)) == 12
    for splits in (("train", "test"), ("test",)):
        leaky = fine_tuned(tmp_path, file, splits, "-".join(splits))
        with pytest.raises(DataError, match="12 of the 12 clips were seen in pre-training, such as test/"):
            open_test_data(leaky, [file], ["test"], None)
        with pytest.raises(DataError, match="12 of the 24 clips were seen in pre-training"):
            open_test_data(leaky, [file], ["train", "test"], None)
        assert len(open_test_data(leaky, [file], ["test"], None, force=True)) == 12
        assert len(open_test_data(leaky, [file], ["val"], None)) == 4
    with pytest.raises(DataError, match="12 of the 12 clips were trained on"):
        open_test_data(honest, [relabeled(tmp_path, provenance)], ["test"], None)


def relabeled(tmp_path, provenance):
    moved = [replace(track, info=replace(track.info, split="test")) for track in by_alphabet(signs(3, 0, 0))]
    return write(tmp_path / "moved.h5", provenance, moved)


def test_a_file_that_is_split_after_pretraining_leaks_its_test_clips(tmp_path, provenance):
    tracks = [replace(track, info=replace(track.info, split="")) for track in by_alphabet(signs(6, 2, 3))]
    file = write(tmp_path / "a.h5", provenance, tracks)
    checkpoint = pretrained(tmp_path / "pretraining", file, ("train", "none"))
    with PoseShards.open(file) as shards:
        deal_splits(shards, SplitRule(by="random", seed=0))
    settings = with_pretrained(FinetuneSettings(epochs=1, batch_size=8), checkpoint)
    run = train(tmp_path / "run", settings, file)
    recognizer = Recognizer.load(run.path, CPU)
    with pytest.raises(DataError, match="clips were seen in pre-training"):
        open_test_data(recognizer, [file], ["test"], None)
    as_by_an_earlier_version(run.last)
    as_by_an_earlier_version(run.checkpoints / "best.safetensors")
    old = Recognizer.load(run.path, CPU)
    assert old.pretrained_on is None
    assert len(open_test_data(old, [file], ["test"], None)) > 0
    for arguments, said in (
        ((), "It is not known whether pre-training used these clips: an earlier version"),
        (("--json",), '"pretraining_clips_known": false'),
    ):
        command = ["--run", str(run.path), str(file), "--device", "cpu", *arguments]
        done = CliRunner().invoke(evaluate_command.main, command)
        assert done.exit_code == 0, done.output
        assert said in done.stdout
    assert json.loads(done.stdout)["total"]["clips"] > 0


def as_by_an_earlier_version(path: Path) -> None:
    """A checkpoint of version 2, without checksums and without the keys of what pre-training saw."""
    with safetensors.safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["masa"])
    del header["crc32"]
    tensors = safetensors.torch.load_file(path)
    del tensors["progress.pretrained_on"]
    safetensors.torch.save_file(tensors, path, {"masa": json.dumps(header | {"version": 2})})


def test_keys_of_pretraining_outlive_a_stop_and_cost_little(tmp_path, provenance):
    file = write(tmp_path / "a.h5", provenance, by_alphabet(signs(train=3, val=1)))
    checkpoint = pretrained(tmp_path / "pretraining", file, ("train", "test"))
    settings = with_pretrained(FinetuneSettings(epochs=2, batch_size=8), checkpoint)
    data = open_finetune_data([file], settings.data)
    folder = RunFolder.create("finetune", tmp_path / "run")
    for _ in finetune(settings, data, folder, CPU, stop=lambda: True):
        pass
    checkpoint.unlink()  # pre-training may be gone by then
    for _ in finetune(settings, data, folder, CPU):
        pass
    keys = Recognizer.load(folder.path, CPU).pretrained_on
    assert keys is not None
    assert keys.shape == (24, 2)
    assert keys.dtype == np.int64

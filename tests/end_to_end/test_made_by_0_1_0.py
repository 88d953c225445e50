"""Files, runs and names of settings that version 0.1.0 made, as that version left them (66704b0)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from masa_data import PoseDataset, PoseShards
from masa_model.training.recognizer import Recognizer
from masa_model.training.scoring import score_clips
from tests.masa_model.made_up_signs import signs

MADE = Path(__file__).parent.parent / "made_by_0_1_0"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(MADE, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_shard_file_holds_the_tracks_that_were_written():
    """The tracks are made again by the same recipe; a file keeps positions to half a step of its frame."""
    with PoseShards.open(MADE / "signs.h5") as tracks:
        made = signs()
        assert list(tracks) == [track.info.id for track in made]
        for track in made:
            found = tracks[track.info.id]
            assert found.info == track.info
            np.testing.assert_allclose(found.keypoints, track.keypoints, atol=0.02)
            np.testing.assert_allclose(found.confidence, track.confidence, atol=1 / 255)


@pytest.mark.filterwarnings("ignore::masa_data.errors.RenamedWarning")
def test_the_recognizer_says_what_it_said_then():
    said = np.load(MADE / "scores.npz")
    recognizer = Recognizer.load(MADE / "finetune")
    with PoseShards.open(MADE / "signs.h5") as tracks:
        clips = PoseDataset([tracks])
        wanted = np.flatnonzero(np.isin(clips.column("id").astype(str), said["ids"]))
        [(numbers, found)] = score_clips(
            recognizer.model, clips, recognizer.settings, torch.device("cpu"), [wanted]
        )
    assert clips.column("id")[numbers].astype(str).tolist() == said["ids"].tolist()
    assert recognizer.classes.glosses == tuple(said["glosses"])
    np.testing.assert_allclose(found, said["scores"], atol=1e-5)


def test_evaluation_and_probe_of_the_runs(folder, run):
    """masa-eval takes the files by name, since those that the run was made from lie elsewhere."""
    found = run("masa-eval", "--run", "finetune", "--data", "signs.h5", "--json", cwd=folder)
    said = np.load(MADE / "scores.npz")
    right = (said["scores"].argmax(1) == said["targets"]).mean()
    assert json.loads(found.stdout)["total"]["per_instance"]["1"]["value"] == pytest.approx(right)


def test_both_runs_go_on(folder, run):
    for command, name in (("masa-pretrain", "pretrain"), ("masa-finetune", "finetune")):
        done = run(command, "--resume", name, "signs.h5", "--epochs", "4", cwd=folder)
        assert "made longer" in done.stdout
        assert len((folder / name / "metrics.jsonl").read_text().splitlines()) == 4
        if name == "pretrain":
            assert done.stderr.count("masking.share is now called masking.min_moving_fraction") == 1


def test_renamed_settings_are_understood_and_say_so_once(folder, run):
    options = ("--size", "tiny", "--epochs", "1", "--run", "mine", "--set", "network.part=8")
    old = ("--set", "masking.share=0.4", "--set", "data.place=memory", "--set", "optimiser.warm_up=0.1")
    done = run("masa-pretrain", "signs.h5", *options, *old, cwd=folder)
    assert done.stderr.count("masking.share is now called masking.min_moving_fraction") == 1
    assert done.stderr.count("data.place is now called data.storage") == 1
    assert done.stderr.count("the group of settings optimiser is now called optimizer") == 1
    written = (folder / "mine" / "settings.toml").read_text()
    assert "min_moving_fraction = 0.4" in written
    assert 'storage = "memory"' in written

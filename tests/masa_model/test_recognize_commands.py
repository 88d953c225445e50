"""masa-finetune, masa-eval, masa-predict on made-up signs, called as the installed commands call them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from masa_cli import evaluate, finetune, predict
from safetensors import safe_open
from safetensors.torch import save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from masa_data import DataError, PoseDataset, PoseShards
from masa_data.tracks.provenance import EstimatorIdentity, Provenance
from masa_data.tracks.track import PoseTrack
from masa_model.training.checkpoint import read_header
from masa_model.training.probabilities import calibration_error
from masa_model.training.recognizer import Recognizer
from masa_model.training.scoring import score_clips
from tests.conftest import make_track
from tests.masa_model.made_up_signs import GLOSSES, NETWORK, make_sign, signs, write

PROVENANCE = Provenance(
    estimator=EstimatorIdentity(
        name="made-up", version="1", settings={}, weights_sha256="0" * 64, confidence="none"
    ),
    tool_version="0",
)
TRACKS = signs(test=8)
TINY = [
    *(part for name, value in NETWORK.items() for part in ("--set", f"network.{name}={value}")),
    *("--set", "optimizer.learning_rate=0.1", "--batch-size", 8, "--device", "cpu"),
]


def call(command: object, *arguments: object, code: int = 0) -> Result:
    threads = torch.get_num_threads()
    torch.set_num_threads(int(os.environ.get("MASA_TEST_THREADS", 1)))
    try:
        result = CliRunner().invoke(command.main, [str(argument) for argument in arguments])
    finally:
        torch.set_num_threads(threads)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with out.h5 and a run that was trained from it."""
    folder = tmp_path_factory.mktemp("recognize")
    write(folder / "out.h5", PROVENANCE, TRACKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found = call(finetune, "out.h5", "--from", "scratch", "--epochs", 25, *TINY)
    assert "24 training clips of 4 glosses; 8 val clips: the best epoch on val is kept" in found.stdout
    assert "Next: masa-eval --run runs/finetune-001 --split test" in found.stdout
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_evaluation_says_the_same_twice_and_what_the_scores_say(folder):
    first = call(evaluate, "--split", "test", "--scores", "scores.npz").stdout
    again = call(evaluate, "--scores", "again.npz").stdout
    number = int(re.search(r"evaluations/(\d{3})-test.json", first)[1])
    assert again == first.replace("scores.npz", "again.npz").replace(f"{number:03}-", f"{number + 1:03}-")
    with np.load("scores.npz") as file:
        assert file["ids"].tolist() == [t.info.id for t in TRACKS if t.info.split == "test"]
        right = file["glosses"][file["scores"].argmax(1)] == file["glosses"][file["targets"]]
        np.testing.assert_allclose(file["scores"].sum(1), 1, rtol=1e-5)
    found = json.loads(call(evaluate, "--json").stdout)
    assert found["total"]["per_instance"]["1"]["value"] == pytest.approx(right.mean())
    assert found["total"]["clips"] == 32
    assert set(found["by_signer"]) == {"s0", "s1"}
    row = call(evaluate, "--table", "markdown").stdout.splitlines()
    assert f"{100 * right.mean():.2f}" in row[2]
    latex = call(evaluate, "--table", "latex").stdout.splitlines()
    assert latex[1].endswith(r"\\")


def test_pictures_lie_in_the_run_and_in_tensorboard(folder):
    said = call(evaluate, "--split", "train", "--force").stdout
    run = Path("runs/finetune-001")
    drawn = max((run / "evaluations").glob("*-train.png"))
    assert f"Wrote {drawn}." in said.splitlines()
    for name in ("curves.png", "confusion.png", drawn.relative_to(run)):
        assert (run / name).stat().st_size > 1000, name
    recorded = EventAccumulator(str(run / "tensorboard"), {"images": 0, "scalars": 0}).Reload()
    assert {"confusion", drawn.stem} <= set(recorded.Tags()["images"])
    assert len(recorded.Scalars("val_accuracy")) == 25
    # Away from its run a checkpoint has no place for a picture, and is evaluated all the same.
    alone = folder / "alone" / "best.safetensors"
    alone.parent.mkdir()
    alone.write_bytes((run / "checkpoints/best.safetensors").read_bytes())
    said = call(evaluate, "--run", alone, "out.h5").stdout
    assert "Results are not saved: the checkpoint is not in a run folder." in said
    assert not list(folder.glob("*.png"))


def test_without_val_there_is_no_matrix_and_it_is_said(folder):
    write(folder / "train.h5", PROVENANCE, signs(val=0, test=0))
    arguments = ["train.h5", "--from", "scratch", "--epochs", 1, "--run", folder / "no-val", *TINY]
    said = call(finetune, *arguments).stdout
    assert "confusion.png is left out: there are no val clips" in said
    assert [path.name for path in (folder / "no-val").glob("*.png")] == ["curves.png"]


def test_two_processes_say_what_one_says(folder):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "masa_cli.evaluate", "--json", "--device", "cpu"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    two, one = json.loads(done.stdout), json.loads(call(evaluate, "--json", "--device", "cpu").stdout)
    # Probabilities differ in the last digit where products are divided among other threads.
    assert two.pop("calibration_error") == pytest.approx(one.pop("calibration_error"), abs=1e-5)
    assert two == one


def test_probabilities_have_the_temperature_of_val(folder):
    """What the scores file says is what the network says, divided by the checkpoint's temperature."""
    recognizer = Recognizer.load(folder / "runs/finetune-001", torch.device("cpu"))
    temperature = recognizer.header.temperature
    assert temperature != 1.0
    call(evaluate, "--scores", "scores.npz")
    test = PoseDataset.open("out.h5", splits=["test"])
    plain = score_clips(recognizer.model, test, recognizer.settings, torch.device("cpu"), [np.arange(32)])
    powers = np.concatenate([found for _, found in plain]).astype(np.float64) ** (1 / temperature)
    with np.load("scores.npz") as file:
        np.testing.assert_allclose(file["scores"], powers / powers.sum(1, keepdims=True), atol=1e-5)
        error = calibration_error(file["scores"], file["targets"])
    said = call(evaluate).stdout
    assert f"Expected calibration error: {100 * error:.1f} % (temperature {temperature:.2f})" in said
    assert json.loads(call(evaluate, "--json").stdout)["calibration_error"] == pytest.approx(error)


def test_noise_and_views():
    found = json.loads(call(evaluate, "--noise", 5, 1000, "--views", 3, "--json").stdout)
    clean = found["total"]["per_instance"]["1"]["value"]
    assert list(found["noise"]) == ["5", "1000"]
    assert found["noise"]["1000"]["per_instance"]["1"]["value"] < clean


def test_fusion_tunes_on_val_and_needs_every_clip(folder):
    call(evaluate, "--split", "val", "--split", "test", "--scores", "all.npz")
    with np.load("all.npz") as file:
        values = dict(file)
    values["scores"] = np.eye(4)[values["targets"]] * 10  # a model that knows everything, in logits
    np.savez("rgb.npz", **values)
    found = json.loads(call(evaluate, "--fuse", "rgb.npz", "--json").stdout)
    assert found["total"]["per_instance"]["1"]["value"] == 1
    assert "Scores are fused" in call(evaluate, "--fuse", "rgb.npz").stdout
    np.savez("few.npz", ids=values["ids"][1:], scores=values["scores"][1:])
    assert "1 of 8 clips have no scores" in call(evaluate, "--fuse", "few.npz", code=2).stderr
    test_only = [place for place, name in enumerate(values["ids"]) if name.startswith("test")]
    np.savez("test.npz", ids=values["ids"][test_only], scores=values["scores"][test_only])
    assert "cannot be tuned on val" in call(evaluate, "--fuse", "test.npz", code=2).stderr
    call(evaluate, "--fuse", "test.npz", "--weight", 0.5)


def test_clips_that_were_trained_on_are_refused_under_any_name(folder):
    known = next(track for track in signs() if track.info.split == "train")
    renamed = make_sign("new", 0, split="test")
    moved = type(known)(
        renamed.info, known.keypoints, known.confidence, known.frame_index, known.time, known.box
    )
    write(folder / "leak.h5", PROVENANCE, [moved, make_sign("other", 1, split="test")])
    said = call(evaluate, "leak.h5", code=2).stderr
    assert "1 of the 2 clips were trained on, such as new" in said
    assert len(said.splitlines()) == 1
    assert "2 clips" in call(evaluate, "leak.h5", "--force").stdout


def test_classes_without_clips_and_clips_of_unknown_classes_are_said(folder):
    tracks = [make_sign("a", 0, split="test"), make_sign("b", 7, gloss="new", split="test")]
    write(folder / "some.h5", PROVENANCE, tracks)
    said = call(evaluate, "some.h5").stdout
    assert "Classes without a clip, excluded from P-C: 3\n" in said
    assert "Clips of classes that the recognizer does not know, counted as wrong: 1\n" in said


def test_wrong_use_is_one_line(folder):
    other = PROVENANCE.model_copy(
        update={"estimator": PROVENANCE.estimator.model_copy(update={"version": "2"})}
    )
    write(folder / "foreign.h5", other, [make_sign("a", 0, split="test")])
    write(folder / "nameless.h5", PROVENANCE, [make_track("a", split="test")])
    (folder / "broken.safetensors").write_bytes(b"nothing")
    (folder / "nameless.mp4").write_bytes(b"")
    for command, arguments, reason in [
        (evaluate, ["--split", "none"], "no clip is of split none; found test, train, val"),
        (evaluate, ["--subset", "wlasl100"], "no clip is of subset wlasl100"),
        (evaluate, ["--subset", "wlasl99"], "there is no subset 'wlasl99'"),
        (evaluate, ["foreign.h5"], "found another estimator in foreign.h5"),
        (evaluate, ["nameless.h5"], "no clip of split test has a label"),
        (evaluate, ["absent.h5"], "does not exist"),
        (evaluate, ["--weight", "0.3"], "--weight has no effect without --fuse"),
        (evaluate, ["--json", "--table", "latex"], "--table has no effect with --json"),
        (predict, ["out.h5", "--workers", "2"], "--workers has no effect on a file of pose tracks"),
        (evaluate, ["--run", "runs/finetune-009"], "does not exist"),
        (evaluate, ["--run", "broken.safetensors"], "cannot be read"),
        (finetune, ["out.h5"], "there is no run of kind pretrain"),
        (finetune, ["out.h5", "--from", "scratch", "--subset", "msasl100"], "no clip is of subset msasl100"),
        (
            finetune,
            ["--resume", "runs/finetune-001", "--seed", "3"],
            "uses the settings of the run",
        ),
        (
            finetune,
            ["--resume", "runs/finetune-001", "--epochs", "3"],
            "is a run of 25 epochs and cannot be shortened to 3",
        ),
        (finetune, [], "no input file was given"),
        (
            finetune,
            ["out.h5", "--from", "scratch", "--set", "optimizer.warm_up=0.3"],
            "the setting optimizer.warm_up has no effect: optimizer.kind is sgd",
        ),
        (
            finetune,
            ["out.h5", "--from", "a.safetensors", "--set", "pretrained='b.safetensors'"],
            "found both --from and --set pretrained",
        ),
        (predict, ["foreign.h5"], "(there / here: version: 1 / 2)"),
        (predict, ["out.h5", "--overlay", "a.bmp"], "cannot be written as"),
        (predict, ["videos/a.mp4"], "videos/a.mp4 does not exist"),
        (predict, ["nameless.mp4"], "masa cannot extract"),
    ]:
        said = call(command, *arguments, code=2).stderr
        assert reason in said
        assert len(said.splitlines()) == 1, said
    assert sorted(path.name for path in Path("runs").iterdir()) == ["finetune-001"]


def test_prediction_from_a_file(folder):
    write(folder / "one.h5", PROVENANCE, [next(t for t in signs() if t.info.id == "test/up0")])
    lines = call(predict, "one.h5", "--overlay", "guess.mp4").stdout.splitlines()
    assert lines[0].startswith("test/up0: ")
    assert Path("guess.mp4").stat().st_size > 1000
    found = json.loads(call(predict, "one.h5", "--json").stdout)
    assert {guess["gloss"] for guess in found["guesses"]} == set(GLOSSES)
    assert sum(guess["probability"] for guess in found["guesses"]) == pytest.approx(1, abs=1e-4)
    call(evaluate, "one.h5", "--scores", "one.npz")
    with np.load("one.npz") as file:
        assert found["guesses"][0]["probability"] == pytest.approx(float(file["scores"].max()), abs=1e-5)
    assert call(predict, "foreign.h5", "--any-estimator").exit_code == 0


def test_no_guess_is_made_about_nothing_or_below_the_threshold(folder):
    """Nobody in view, somebody whose hands are not found, a hand in one frame, and a sign."""
    sign = make_sign("sign", 0, split="test")

    def seen_as(name: str, seen: np.ndarray) -> PoseTrack:
        info = replace(sign.info, id=name)
        return PoseTrack.with_missing(info, sign.keypoints, seen, sign.frame_index, sign.time)

    handless, glimpse = sign.confidence.copy(), sign.confidence.copy()
    handless[:, 7:] = glimpse[1:, 7:] = 0
    nobody = seen_as("nobody", np.zeros_like(handless))
    handless, glimpse = seen_as("handless", handless), seen_as("glimpse", glimpse)
    write(folder / "empty.h5", PROVENANCE, [nobody, handless, glimpse, sign])
    lines = call(predict, "empty.h5").stdout.splitlines()
    assert lines[:2] == ["nobody: no hands found", "handless: no hands found"]
    assert "%" in lines[2]
    found = [json.loads(line) for line in call(predict, "empty.h5", "--json").stdout.splitlines()]
    assert [row["answer"] is None for row in found] == [True, True, False, False]
    assert found[0] | {"path": ""} == {
        "clip": "nobody",
        "path": "",
        "answer": None,
        "guesses": [],
        "problem": "no hands found",
    }
    best = found[3]["guesses"][0]
    assert found[3]["answer"] == best["gloss"]
    for threshold, answer in ((best["probability"] - 0.01, best["gloss"]), (1, "unknown")):
        rows = call(predict, "empty.h5", "--json", "--threshold", threshold).stdout.splitlines()
        assert json.loads(rows[3])["answer"] == answer
        assert json.loads(rows[0])["answer"] is None
    said = call(predict, "empty.h5", "--threshold", 1).stdout.splitlines()
    assert said[0] == "nobody: no hands found"
    assert said[3].startswith("sign: unknown (")


def test_the_library_refuses_what_the_command_refuses(folder):
    other = PROVENANCE.model_copy(
        update={"estimator": PROVENANCE.estimator.model_copy(update={"version": "2"})}
    )
    declared = PROVENANCE.model_copy(
        update={"estimator": PROVENANCE.estimator.model_copy(update={"version": "unknown", "declared": True})}
    )
    sign = next(t for t in signs() if t.info.id == "test/up0")
    recognizer = Recognizer.load("runs/finetune-001")
    found = {}
    for name, provenance in (("own", PROVENANCE), ("other", other), ("declared", declared)):
        write(folder / f"{name}.h5", provenance, [sign])
        with PoseShards.open(folder / f"{name}.h5") as tracks:
            found[name] = tracks["test/up0"]
    expected = recognizer.predict(found["own"])
    assert recognizer.predict(found["declared"]) == expected
    assert recognizer.predict(replace(found["other"], estimator=None)) == expected  # as made by hand
    with pytest.raises(DataError, match="version: 1 / 2") as error:
        recognizer.predict_all([found["own"], found["other"]])
    assert "any_estimator=True" in error.value.advice
    assert recognizer.predict(found["other"], any_estimator=True) == expected


def test_files_of_two_estimators_are_trained_on_where_that_is_asked_for(folder):
    other = PROVENANCE.model_copy(
        update={"estimator": PROVENANCE.estimator.model_copy(update={"name": "another"})}
    )
    write(folder / "another.h5", other, [make_sign(f"more/{n}", n % 4, split="train") for n in range(8)])
    common = ("another.h5", "--from", "scratch", "--epochs", 1, "--run", folder / "mixed", *TINY)
    said = call(finetune, "out.h5", *common, code=2).stderr
    assert "--any-estimator" in said
    call(finetune, "out.h5", *common, "--any-estimator")
    call(finetune, "--resume", folder / "mixed")
    assert Recognizer.load(folder / "mixed").header.estimator.name == "another+made-up"
    assert "--any-estimator" in call(predict, "another.h5", "--run", folder / "mixed", code=2).stderr
    call(predict, "another.h5", "--run", folder / "mixed", "--any-estimator")
    assert "--force" in call(evaluate, "--run", folder / "mixed", "out.h5", code=2).stderr


def test_every_evaluation_is_kept_under_a_number_of_its_own(folder):
    place = Path("runs/finetune-001/evaluations")
    before = len(list(place.glob("*.json")))
    said = call(evaluate, "--split", "val").stdout
    assert "Computed on cpu" in said
    call(evaluate, "--split", "val", "--json")
    kept = sorted(place.glob("*-val.json"))
    assert len(list(place.glob("*.json"))) == before + 2
    first, second = (json.loads(path.read_text()) for path in kept[-2:])
    assert first == second
    assert f"{100 * first['total']['per_instance']['1']['value']:.2f}" in said
    assert all(path.with_suffix(".png").stat().st_size > 1000 for path in kept)


def test_the_newest_run_is_taken_aloud_if_it_was_stopped(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, changes in (("finetune-001", {}), ("finetune-002", {"step": 3, "steps": 200})):
        run = Path("runs") / name
        shutil.copytree(folder / "runs/finetune-001", run)
        for path in (run / "checkpoints").glob("*.safetensors"):
            header = read_header(path)
            with safe_open(path, "pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            text = header.model_copy(update={"version": 2, **changes}).model_dump_json()
            save_file(tensors, path, {"masa": text})
    assert "was stopped at 0 of 25 epochs; its last checkpoint is used" in call(evaluate).stderr
    shutil.rmtree("runs/finetune-002")
    assert "stopped" not in call(evaluate).stderr


def test_a_gpu_that_is_not_there_is_refused_and_the_choice_is_said(folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    for command, arguments in (
        (evaluate, ["--device", "cuda"]),
        (evaluate, ["--device", "cuda:1"]),
        (predict, ["out.h5", "--device", "cuda"]),
        (finetune, ["out.h5", "--from", "scratch", *TINY, "--device", "cuda"]),
    ):
        said = call(command, *arguments, code=2).stderr
        assert "cannot be used: " in said
        assert len(said.splitlines()) == 1
    assert "The recognizer runs on cpu (" in call(predict, "out.h5").stderr
    assert "The recognizer runs on cpu\n" in call(predict, "out.h5", "--device", "cpu").stderr

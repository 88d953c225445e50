"""From raw video to a guess, as a user goes: extract, pretrain, finetune, eval, predict."""

import json
import os

import pytest


@pytest.mark.slow
def test_from_video_to_guess(footage, tmp_path, call):
    place = {"cwd": tmp_path, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
    call("masa-extract", footage, "out.h5", "--split-by", "random", **place)
    call("masa-pretrain", "out.h5", "--size", "tiny", "--epochs", 1, **place)
    found = call("masa-finetune", "out.h5", "--epochs", 2, **place).stdout
    assert "tiny from runs/pretrain-001/checkpoints/last.safetensors" in found
    found = json.loads(call("masa-eval", "--split", "test", "--json", **place).stdout)
    assert found["total"]["clips"] == 3
    video = footage / "nod" / "00.mp4"
    said = call("masa-predict", video, "--overlay", "guess.mp4", "--json", **place).stdout
    guesses = json.loads(said)["guesses"]
    assert {guess["gloss"] for guess in guesses} == {"across", "circle", "nod", "zoom"}
    assert (tmp_path / "guess.mp4").stat().st_size > 1000
    # The same clip out of the file gives the same answer.
    lines = call("masa-predict", "out.h5", "--json", **place).stdout.splitlines()
    again = next(row for row in map(json.loads, lines) if row["clip"] == "nod/00")
    for one, other in zip(again["guesses"], guesses, strict=True):
        assert one["gloss"] == other["gloss"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)

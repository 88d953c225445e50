"""masa-extract with MMPose, as a user runs it, with fixed random weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from masa_data import PoseShards

# What is compared ran there; and a command that is told so need not load torch in order to look for a GPU.
ON_CPU = ("--device", "cpu")


@pytest.fixture
def fast(reference):
    return reference("fast")


def test_the_file_holds_what_mmpose_itself_finds(fast, footage, frames_of, tmp_path, run):
    out = tmp_path / "out.h5"
    arguments = (
        "--model",
        "fast",
        "--checkpoint",
        fast.checkpoint,
        "--person",
        "whole-frame",
        "--workers",
        1,
        *ON_CPU,
    )
    done = run("masa-extract", footage / "nod", out, "--estimator", "mmpose", *arguments)
    assert "Estimator: mmpose 1.3.2 on cpu (as asked for" in done.stdout
    images = frames_of(footage / "nod/01.mp4")
    boxes = np.array([(0, 0, image.shape[1], image.shape[0]) for image in images], np.float32)
    keypoints, scores, _ = fast.run(images, boxes, flip_test=True)
    with PoseShards.open(out) as tracks:
        track = tracks["01"]
        settings = tracks.provenance.estimator.settings
        lowest, highest = tracks.provenance.raw_scores
    seen = track.confidence > 0
    assert seen.mean() > 0.5
    np.testing.assert_allclose(track.keypoints[seen], keypoints[seen], atol=300 / 43690 + 1e-2)
    np.testing.assert_allclose(track.confidence, np.clip(scores, 0, 1), atol=1 / 255)
    np.testing.assert_allclose(track.box, boxes, atol=300 / 43690 + 1e-3)
    # What confidence was made from, before it was cut.
    assert lowest == pytest.approx(scores.min(), abs=0.006)
    assert highest == pytest.approx(scores.max(), abs=0.006)
    assert settings["person"] == "whole-frame"
    assert settings["flip_test"] is True


@pytest.mark.slow
def test_stopping_workers_and_the_batch_size_change_nothing(fast, footage, tmp_path, run):
    """A command that loads MMPose takes most of a minute, so three of them try all at once."""
    common = ("--estimator", "mmpose", "--model", "fast", "--checkpoint", fast.checkpoint, *ON_CPU)
    other = (*common, "--batch-size", 16, "--workers", 2)
    run("masa-extract", footage / "nod", tmp_path / "one.h5", *common, "--batch-size", 1, "--workers", 1)
    run("masa-extract", footage / "nod", tmp_path / "two.h5", *other, "--limit", 1)
    run("masa-extract", footage / "nod", tmp_path / "two.h5", *other)
    with PoseShards.open(tmp_path / "one.h5") as one, PoseShards.open(tmp_path / "two.h5") as two:
        assert list(one) == list(two)
        for clip_id in one:
            close = np.isclose(one[clip_id].keypoints, two[clip_id].keypoints, atol=0.05, equal_nan=True)
            assert close.mean() > 0.99  # random weights tie now and then
        first, second = one.provenance, two.provenance
        assert first.model_copy(update={"raw_scores": None}) == second.model_copy(update={"raw_scores": None})
        assert first.raw_scores == pytest.approx(second.raw_scores, abs=0.011)  # a hundredth, rounded


def test_it_is_the_default_and_says_what_to_do_without_weights(mmpose_installed, footage, tmp_path):
    environment = os.environ | {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    command = [str(Path(sys.executable).parent / "masa-extract"), str(footage), str(tmp_path / "out.h5")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--estimator mediapipe" in done.stderr
    assert not (tmp_path / "out.h5").exists()


def test_its_options_are_refused_for_mediapipe(footage, tmp_path, run):
    done = run("masa-extract", footage, tmp_path / "out.h5", "--model", "fast", code=2)
    assert "MediaPipe would be used" in done.stderr


def test_annotated_boxes_are_required_where_they_are_asked_for(fast, footage, tmp_path, run):
    arguments = ("--model", "fast", "--checkpoint", fast.checkpoint, "--person", "annotated", *ON_CPU)
    out = tmp_path / "out.h5"
    run("masa-extract", footage / "nod/00.mp4", out, "--estimator", "mmpose", *arguments, code=3)
    (problem,) = map(json.loads, (tmp_path / "out.h5.failures.jsonl").read_text().splitlines())
    assert problem["reason"] == "the corpus has no box for this clip"

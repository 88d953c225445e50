from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from masa_data.disk.hashing import file_sha256
from masa_data.errors import DataError
from masa_data.estimators.mmpose.config import read_facts
from masa_data.estimators.mmpose.estimator import MMPoseTopDown, whole_frame_boxes
from masa_data.estimators.mmpose.models import PRESETS, _configs, find_model
from masa_data.estimators.mmpose.options import MMPoseOptions, mmpose_identity
from masa_data.tracks.box import Box


@pytest.fixture
def fast(reference):
    return MMPoseTopDown(MMPoseOptions("fast", str(reference("fast").checkpoint), batch_size=2))


def test_a_clip_frame_by_frame(fast, moving_frames):
    frames = moving_frames(5)
    estimates = list(fast.estimate(iter(frames), None))
    keypoints, scores = fast.estimate_batch(frames, whole_frame_boxes(frames))
    np.testing.assert_allclose([one.keypoints for one in estimates], keypoints, atol=1e-3)
    np.testing.assert_allclose([one.confidence for one in estimates], fast.confidence(scores), atol=1e-3)
    assert estimates[0].keypoints.shape == (49, 2)
    assert all(((one.confidence >= 0) & (one.confidence <= 1)).all() for one in estimates)


def test_an_annotated_box_is_where_it_looks(fast, moving_frames):
    frames = moving_frames(2)
    found = list(fast.estimate(iter(frames), Box(0.25, 0.1, 0.75, 0.9, "share")))
    boxes = np.array([[80, 24, 240, 216]] * 2, np.float32)
    np.testing.assert_array_equal([one.box for one in found], boxes)
    np.testing.assert_allclose(
        [one.keypoints for one in found], fast.estimate_batch(frames, boxes)[0], atol=1e-3
    )


def test_frames_of_several_sizes_in_one_batch(fast, moving_frames):
    frames = [*moving_frames(1), *moving_frames(1, 640, 360), *moving_frames(1, 90, 200)]
    together, _ = fast.estimate_batch(frames, whole_frame_boxes(frames))
    for row, frame in enumerate(frames):
        alone, _ = fast.estimate_batch([frame], whole_frame_boxes([frame]))
        np.testing.assert_allclose(together[row], alone[0], atol=1e-3)


def test_no_frame(fast):
    keypoints, scores = fast.estimate_batch([], whole_frame_boxes([]))
    assert keypoints.shape == (0, 49, 2)
    assert scores.shape == (0, 49)
    assert list(fast.estimate([], None)) == []


def test_a_source_that_breaks_off_is_not_a_shorter_clip(fast, moving_frames):
    def frames():
        yield from moving_frames(3)
        raise DataError("the file is damaged", "Fetch it again")

    with pytest.raises(DataError, match="damaged"):
        list(fast.estimate(frames(), None))


def test_the_identity_tells_results_apart(reference):
    checkpoint = reference("fast").checkpoint
    plain = mmpose_identity(MMPoseOptions("fast", str(checkpoint)))
    assert plain.name == "mmpose"
    assert plain.weights_sha256 == file_sha256(checkpoint)
    assert plain.settings["model"] == PRESETS["fast"]
    # How many frames go together does not change what is found; the flip test does.
    assert mmpose_identity(MMPoseOptions(PRESETS["fast"], str(checkpoint), batch_size=3)) == plain
    assert mmpose_identity(MMPoseOptions("fast", str(checkpoint), flip_test=False)) != plain


@pytest.mark.parametrize(
    ("model", "peak"), [("accurate", 1), ("fast", 1), ("balanced", 10)]
)  # what KLDiscretLoss aims at: label_beta / beta
def test_confidence_is_the_score_by_the_peak_that_training_aims_at(mmpose_installed, model, peak):
    assert read_facts(find_model(model)).target_peak == peak


def test_confidence_is_monotone_and_in_bounds(fast):
    scores = np.linspace(-2, 12, 50, dtype=np.float32)
    confidence = fast.confidence(scores)
    assert (np.diff(confidence) >= 0).all()
    assert confidence.min() == 0
    assert confidence.max() == 1
    np.testing.assert_array_equal(
        confidence[(scores > 0) & (scores < 1)], scores[(scores > 0) & (scores < 1)]
    )


def test_every_model_is_either_known_or_refused_in_one_line(mmpose_installed):
    known, refusals = [], {}
    for name in _configs():
        try:
            read_facts(find_model(name))
        except DataError as error:
            refusals[name] = str(error)
        else:
            known.append(name)
    assert all(name in refusal and "\n" not in refusal for name, refusal in refusals.items())
    assert len(known) >= 30
    assert set(PRESETS.values()) <= set(known)


def test_presets_have_published_weights(mmpose_installed):
    for preset in PRESETS:
        weights = find_model(preset).weights
        assert weights is not None
        assert weights.startswith("https://download.openmmlab.com/mmpose/")


def test_an_unknown_model_gets_the_nearest(mmpose_installed):
    with pytest.raises(DataError) as caught:
        find_model("rtmpose-m_8xb64-270e_coco-wholebody-256x193")
    assert PRESETS["fast"] in caught.value.advice


def test_the_alias_that_fits_two_models_is_not_a_name(mmpose_installed):
    with pytest.raises(DataError, match="no whole-body model 'wholebody'"):
        find_model("wholebody")


def test_weights_of_another_model_are_refused(reference):
    other = reference("rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192").checkpoint
    with pytest.raises(DataError, match="does not fit rtmpose-m"):
        MMPoseTopDown(MMPoseOptions("fast", str(other)))


def test_half_precision_is_for_a_gpu(reference):
    with pytest.raises(DataError, match="precision fp16 requires a GPU"):
        MMPoseTopDown(MMPoseOptions("fast", str(reference("fast").checkpoint), precision="fp16"))


def test_a_gpu_that_is_not_there(reference):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DataError, match="finds no GPU"):
        MMPoseTopDown(MMPoseOptions("fast", str(reference("fast").checkpoint)), "cuda")


def test_a_batch_that_does_not_fit_is_halved(reference):
    """In a process whose memory is limited to a little more than it has before."""
    pytest.importorskip("resource", reason="limits of memory are set the Unix way")
    code = f"""
import resource, sys
import numpy as np, torch
torch.set_num_threads(1)
from masa_data.estimators.mmpose.estimator import MMPoseTopDown, whole_frame_boxes
from masa_data.estimators.mmpose.options import MMPoseOptions
found = MMPoseTopDown(MMPoseOptions("fast", {str(reference("fast").checkpoint)!r}, batch_size=16))
images = [np.full((120, 160, 3), shade, np.uint8) for shade in range(16)]
found.estimate_batch(images[:2], whole_frame_boxes(images[:2]))
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 75_000_000, resource.RLIM_INFINITY))
keypoints, scores = found.estimate_batch(images, whole_frame_boxes(images))
assert found.batch_size < 16, found.batch_size
assert keypoints.shape == (16, 49, 2) and (scores != 0).all()
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
